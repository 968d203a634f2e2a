"""What a call or a load depends on beside its arguments: random states and defaults of this process."""

from __future__ import annotations

import random
import sys
from typing import Any, Callable, Dict, Optional

import torch

from . import _hubcell

State = Dict[str, Any]


# torch 2.4 gave the old names up.
if hasattr(torch, "get_autocast_dtype"):
    def _autocast() -> Optional[torch.dtype]:
        """The dtype of autocast on the CPU where it is on."""
        return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
else:
    def _autocast() -> Optional[torch.dtype]:
        return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None


# What a call was given last, with torch's generator in it. Never changed: the extension knows it by its identity.
_last: State = {}


def of_call(rng: bool) -> Optional[State]:
    """torch's generator, unless `rng` is False, and autocast where it is on. The same dict as the last where nothing has
    changed."""
    global _last
    autocast = _autocast()
    defaults: State = {} if autocast is None else {"autocast": autocast}
    if not rng:
        return defaults or None
    last, generator = _last, torch.get_rng_state()
    if not last or last.get("autocast") != autocast or not _hubcell.hold_the_same(generator, last["torch"]):
        _last = last = {"torch": generator, **defaults}
    return last


def has_moved(state: State) -> bool:
    """Whether torch's generator is no longer where it was in `state`."""
    return "torch" in state and not _hubcell.hold_the_same(torch.get_rng_state(), state["torch"])


def of_load(seed: Optional[int], rng: bool) -> State:
    """All random states, and the default dtype. A seed takes the place of the random states."""
    state: State = {"default_dtype": torch.get_default_dtype()}
    autocast = _autocast()
    if autocast is not None:
        state["autocast"] = autocast
    if seed is None and rng:
        state["torch"] = torch.get_rng_state()
        state["python"] = random.getstate()
        if "numpy.random" in sys.modules:
            state["numpy"] = sys.modules["numpy"].random.get_state()
    return state


def take(changed: State) -> None:
    """Gives this process's generators the states to which a call moved them. One that they refuse, which only a lying
    worker sends, is as good as none."""
    setters: Dict[str, Callable[[Any], Any]] = {"torch": torch.set_rng_state, "python": random.setstate, "numpy": _set_numpy}
    for name, setter in setters.items():
        if name in changed:
            try:
                setter(changed[name])
            except (TypeError, ValueError, RuntimeError):
                pass


def _set_numpy(state: Any) -> None:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.set_state(state)

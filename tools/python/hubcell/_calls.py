"""How an object of a worker is called: with this process's state, under the options that are in force, with gradients
where they are wanted."""

from __future__ import annotations

import contextlib
import contextvars
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch

from . import _gradients, _state
from ._errors import Error

Arguments = Tuple[Any, ...]
Keywords = Dict[str, Any]
# grad, state, deadline in seconds (0: the Hub's)
Options = Tuple[bool, Optional[_state.State], float]


class CallOptions:
    """Of the calls of one worker's objects. None leaves a choice to what is in force around it."""

    def __init__(self, deadline: Optional[float] = None, grad: Optional[bool] = None, rng: Optional[bool] = None):
        self.deadline, self.grad, self.rng = deadline, grad, rng

    def over(self, below: "CallOptions") -> "CallOptions":
        """These, and where they are None the ones below."""
        return CallOptions(below.deadline if self.deadline is None else self.deadline,
                           below.grad if self.grad is None else self.grad, below.rng if self.rng is None else self.rng)


NO_OPTIONS = CallOptions()
# By the process of the worker whose calls they are for.
_in_force: contextvars.ContextVar[Optional[Dict[int, CallOptions]]] = contextvars.ContextVar("hubcell_options", default=None)


@contextlib.contextmanager
def options(handle: Any, deadline: Optional[float] = None, grad: Optional[bool] = None,
            rng: Optional[bool] = None) -> Iterator[None]:
    """Options of the calls made in the block to `handle`'s worker, or to all its replicas.

    deadline: seconds that a call may take; the Hub's own where it is None.
    grad: whether gradients are recorded in the worker; where it is None, as the caller's grad mode and inputs say.
    rng: False leaves torch's generator out of it, which saves some microseconds; samplers then draw other numbers.
    """
    before = _in_force.get() or {}
    chosen = CallOptions(deadline, grad, rng)
    merged = {process: chosen.over(before.get(process, NO_OPTIONS)) for process in remote_of(handle).pids()}
    token = _in_force.set({**before, **merged})
    try:
        yield
    finally:
        _in_force.reset(token)


def remote_of(handle: Any) -> Any:
    """The `_hubcell.Remote` behind a handle. Raises TypeError for anything else."""
    try:
        return object.__getattribute__(handle, "_hubcell_remote")
    except AttributeError:
        raise TypeError(f"a handle of hubcell is needed, not a {type(handle).__name__}") from None


def _options_of(remote: Any) -> CallOptions:
    in_force = _in_force.get()
    return in_force.get(remote.pid(), NO_OPTIONS) if in_force else NO_OPTIONS


def sends_generator(remote: Any) -> bool:
    """Whether calls of an object begin with the state of this process's generator."""
    return _options_of(remote).rng is not False


def call(remote: Any, method: str, arguments: Arguments, keywords: Keywords) -> Any:
    """Calls an object of a worker (an empty `method`), or one of its methods, and waits for the answer."""
    inputs, options = _plan(remote, arguments, keywords)
    if inputs:
        return _gradients.RecordedCall(remote, method, arguments, keywords, inputs, options).result()
    return remote.call(method, arguments, keywords, options)


def begin(remote: Any, method: str, arguments: Arguments, keywords: Keywords) -> Any:
    """Starts such a call: a `_hubcell.Call`, or what has its methods."""
    inputs, options = _plan(remote, arguments, keywords)
    if inputs:
        return _gradients.RecordedCall(remote, method, arguments, keywords, inputs, options).begin()
    return remote.begin(method, arguments, keywords, options)


def _plan(remote: Any, arguments: Arguments, keywords: Keywords) -> Tuple[List[torch.Tensor], Options]:
    """The inputs through which gradients are to flow, and the options of a call."""
    if torch._C._get_tracing_state() is not None:
        raise Error(f"trace a {remote.kind()[0]} of a worker: its answer would be recorded as a constant; trace it in the "
                    "repository's own code")
    chosen = _options_of(remote)
    state = _state.of_call(chosen.rng is not False)
    wants_gradients = torch.is_grad_enabled() and chosen.grad is not False
    inputs = _gradients.inputs_of(arguments, keywords) if wants_gradients else []
    return inputs, (bool(inputs) or bool(chosen.grad), state, chosen.deadline or 0.0)


def operate(remote: Any, operation: str, *arguments: Any) -> Any:
    """One of Python's operations on an object of a worker; worker/objects/operations.py has the list."""
    chosen = _options_of(remote)
    return remote.operate(operation, arguments, None, (bool(chosen.grad), None, chosen.deadline or 0.0))

"""State dicts are copies that their user may change and load again; what was changed and not loaded is noticed at the
next call, because its user thinks that the model changed."""

from __future__ import annotations

import weakref
from typing import Any, Dict, Iterable, List, Optional, Tuple

import torch

from ._errors import Error

# By the worker's process: what it gave out that is still alive, and its version then.
_lent: Dict[int, List[Tuple["weakref.ref[torch.Tensor]", Optional[int]]]] = {}


def _version(tensor: Optional[torch.Tensor]) -> Optional[int]:
    """None of a tensor that is gone, or that was made in inference mode and has none."""
    return None if tensor is None or tensor.is_inference() else tensor._version


def lend(remote: Any, tensors: Iterable[torch.Tensor]) -> None:
    """From now on a write into one of them is noticed."""
    process = remote.pid()
    alive = [entry for entry in _lent.get(process, ()) if entry[0]() is not None]
    _lent[process] = alive + [(weakref.ref(tensor), _version(tensor)) for tensor in tensors]


def take_back(remote: Any, tensors: Iterable[Any]) -> None:
    """What was written into these has reached the worker."""
    process, ids = remote.pid(), {id(tensor) for tensor in tensors}
    if process in _lent:
        _lent[process] = [(reference, _version(reference()) if id(reference()) in ids else version)
                          for reference, version in _lent[process]]


def check(remote: Any) -> None:
    """Raises, once, where a tensor that was lent has been written to."""
    if not _lent:
        return
    process = remote.pid()
    alive = [entry for entry in _lent.pop(process, ()) if entry[0]() is not None]
    unchanged = [(reference, version) for reference, version in alive if _version(reference()) in (None, version)]
    if unchanged:
        _lent[process] = unchanged
    changed = len(alive) - len(unchanged)
    if changed:
        name = remote.kind()[0].rpartition(".")[2]
        raise Error(f"call a {name}: {changed} of its tensors were changed in place here, and the model lives in its "
                    "worker, where they stayed as they were; use load_state_dict(state_dict)")

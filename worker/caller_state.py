"""What a call may depend on beside its arguments: the random states and defaults of its caller's process.

A state is a dict of some of: 'python' (random.getstate()), 'numpy' (numpy.random.get_state()), 'default_dtype' (a
torch.dtype), 'autocast' (a torch.dtype for the CPU, or None); and 'torch' (torch.get_rng_state(), or None: as the last call
left it), which caller_state.cc sees to.
"""

import random
import sys

import torch


class CallerState:
    """Sets a caller's state for one call and tells afterwards what the call changed of it."""

    def __init__(self):
        self._before = {}
        self._restore = []

    def enter(self, state):
        """Sets it. Raises ValueError on a name that is none of the above."""
        unknown = set(state) - set(SETTERS) - {"autocast"}
        if unknown:
            raise ValueError(f"a call's state has no {', '.join(sorted(unknown))}")
        for name, value in state.items():
            if name == "autocast":
                self._enter_autocast(value)
                continue
            SETTERS[name](value)
            if name in GETTERS:
                self._before[name] = GETTERS[name]()

    def leave(self):
        """Undoes what is undone; a dict of the random states that moved, or None."""
        for undo in self._restore:
            undo()
        moved = {name: now for name, before in self._before.items() if differ(now := GETTERS[name](), before)}
        self.__init__()
        return moved or None

    def _enter_autocast(self, dtype):
        context = torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None)
        context.__enter__()
        self._restore.append(lambda: context.__exit__(None, None, None))


def set_numpy(state):
    import numpy
    numpy.random.set_state(state)


def get_numpy():
    return sys.modules["numpy"].random.get_state()


def differ(state, other):
    """Whether two states of one kind are different; those of numpy hold arrays."""
    if isinstance(state, tuple) and len(state) > 1 and hasattr(state[1], "tobytes"):
        return state[0] != other[0] or state[1].tobytes() != other[1].tobytes() or state[2:] != other[2:]
    return state != other


SETTERS = {"python": random.setstate, "numpy": set_numpy, "default_dtype": torch.set_default_dtype}
GETTERS = {"python": random.getstate, "numpy": get_numpy}

"""What a call may depend on beside its arguments: the random states and defaults of its caller's process.

A state is a dict of some of: 'python' (random.getstate(), or None: as the last call left it), 'numpy'
(numpy.random.get_state(), or None), 'default_dtype' (a torch.dtype), 'autocast' (a torch.dtype for the CPU, or None), 'seed'
(an int, of the random states that are not given, for this call alone); and 'torch', the state of torch's generator, which
caller_state.cc sees to: here it only says that it is given.
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
        unknown = set(state) - set(SETTERS) - {"autocast", "seed"}
        if unknown:
            raise ValueError(f"a call's state has no {', '.join(sorted(unknown))}")
        if "seed" in state:
            self._enter_seed(state["seed"], [name for name in GETTERS if name not in state and _is_loaded(name)])
        for name, value in state.items():
            if name in ("seed", "torch"):
                continue
            if name == "autocast":
                self._enter_autocast(value)
                continue
            if value is not None:
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

    def _enter_seed(self, seed, names):
        """The worker's own states go on afterwards where they were."""
        for name in names:
            self._restore.append(lambda name=name, before=GETTERS[name](): SETTERS[name](before))
            SEEDERS[name](seed)

    def _enter_autocast(self, dtype):
        context = torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None)
        context.__enter__()
        self._restore.append(lambda: context.__exit__(None, None, None))


def _is_loaded(name):
    return name != "numpy" or name in sys.modules


def seed_numpy(seed):
    """numpy takes 32 bits."""
    sys.modules["numpy"].random.seed(seed % 2**32)


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


SETTERS = {"torch": torch.set_rng_state, "python": random.setstate, "numpy": set_numpy,
           "default_dtype": torch.set_default_dtype}
GETTERS = {"torch": torch.get_rng_state, "python": random.getstate, "numpy": get_numpy}
SEEDERS = {"torch": torch.manual_seed, "python": random.seed, "numpy": seed_numpy}

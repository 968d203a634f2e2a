"""The parameters of models in workers, as the caller sees them."""

from __future__ import annotations

import sys
from typing import Any, Optional, Tuple

import torch

from ._errors import Error


class Parameter(torch.nn.Parameter):
    """A parameter of a model in a worker: a copy of what it was when it was asked for, which cannot be written into. Its
    gradient is what the worker has when that is asked for; whether it wants one is told to the worker."""

    _hubcell_owner: Tuple[Any, str]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], Parameter) and _writes(func):
            args[0]._refuse_writing(func)
        with torch._C.DisableTorchFunction():
            return func(*args, **(kwargs or {}))

    def _refuse_writing(self, func: Any) -> None:
        name = func.__name__
        if name != "requires_grad_" and getattr(func, "__self__", None) is not torch.Tensor.requires_grad:
            raise Error(f"change a parameter of a model in a worker ({self._hubcell_owner[1]}.{name}): it is a copy; use "
                        "model.load_state_dict(state_dict)")

    def requires_grad_(self, requires_grad: bool = True) -> "Parameter":
        """Freezes or unfreezes it, in the worker too."""
        remote, name = self._hubcell_owner
        remote.operate("require_gradient", (name, requires_grad), None, (False, None, 0.0))
        with torch._C.DisableTorchFunction():
            torch.Tensor.requires_grad_(self, requires_grad)
        return self

    @property
    def requires_grad(self) -> bool:
        with torch._C.DisableTorchFunction():
            return bool(torch.Tensor.requires_grad.__get__(self))  # type: ignore[attr-defined]

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    @property
    def grad(self) -> Optional[torch.Tensor]:
        """A copy of the worker's; None where there is none."""
        remote, name = self._hubcell_owner
        found: Optional[torch.Tensor] = remote.operate("gradient", (name,), None, (False, None, 0.0))
        return found

    @grad.setter
    def grad(self, gradient: Optional[torch.Tensor]) -> None:
        raise Error("set the gradient of a parameter of a model in a worker: it stays there; model.zero_grad() clears it")

    @property
    def is_leaf(self) -> bool:  # type: ignore[override]
        # An optimizer asks each parameter that it is given.
        if sys._getframe(1).f_globals.get("__name__", "").startswith("torch.optim"):
            raise Error("optimize the parameters of a model in a worker: an optimizer here would change copies; optimize "
                        "inputs or modules of your own, or train in the repository's own code")
        return True


def _writes(func: Any) -> bool:
    """Whether a function of torch's changes its first argument."""
    name = str(getattr(func, "__name__", ""))
    return name in ("__setitem__", "__set__", "__delete__") or (name.endswith("_") and not name.startswith("_")) or (
        name.startswith("__i") and name.endswith("__") and name not in ("__index__", "__int__", "__invert__"))

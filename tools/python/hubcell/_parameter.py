"""The tensors of models in workers, as the caller sees them: copies, into which nothing is written by mistake."""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional, Tuple

import torch

from ._errors import Error

_OPTIONS = (False, None, 0.0)


class Buffer(torch.Tensor):
    """A tensor of a model in a worker that is no parameter, or a view of one or of a parameter: a copy, which cannot be
    written into."""

    _hubcell_owner: Tuple[Any, str]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], (Buffer, Parameter)) and _writes(func):
            args[0]._refuse_writing(func)
        with torch._C.DisableTorchFunction():
            result = func(*args, **(kwargs or {}))
        return _as_seen_through(args[0], result) if args and isinstance(args[0], (Buffer, Parameter)) else result

    def _refuse_writing(self, func: Any) -> None:
        name = func.__name__
        if name != "requires_grad_" and getattr(func, "__self__", None) is not torch.Tensor.requires_grad:
            raise Error(f"change a tensor of a model in a worker ({self._hubcell_owner[1]}.{name}): it is a copy; set "
                        "the whole attribute, use model.load_state_dict(state_dict), or clone it")

    @property
    def data(self) -> torch.Tensor:
        """The same copy without a history, which cannot be written into either."""
        copy: torch.Tensor = _own(Buffer, self, *self._hubcell_owner)
        return copy

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        self._refuse_writing(torch.Tensor.data.__set__)  # type: ignore[attr-defined]

    def detach(self) -> torch.Tensor:
        """As `data`."""
        if sys._getframe(1).f_globals.get("__name__") == "torch.nn.parameter":
            raise Error(f"make a Parameter of a tensor of a model in a worker ({self._hubcell_owner[1]}): it is a copy "
                        "that cannot be written into; clone it first, torch.nn.Parameter(tensor.clone())")
        return self.data

    # Copies of it are the caller's own.
    def __deepcopy__(self, memo: Any) -> torch.Tensor:
        return _plain(self).clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        tensor: Any = _plain(self)
        return tensor.__reduce_ex__(protocol)

    def __repr__(self, *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
        return repr(_plain(self))


class Parameter(torch.nn.Parameter):
    """A parameter of a model in a worker: a copy of what it was when it was asked for, which cannot be written into.
    Its gradient is what the worker has when that is asked for; whether it wants one is told to the worker."""

    _hubcell_owner: Tuple[Any, str]
    __torch_function__ = Buffer.__torch_function__
    _refuse_writing: Any = Buffer._refuse_writing
    data: Any = Buffer.data
    detach: Any = Buffer.detach

    def requires_grad_(self, requires_grad: bool = True) -> "Parameter":
        """Freezes or unfreezes it, in the worker too."""
        remote, name = self._hubcell_owner
        remote.operate("require_gradient", (name, requires_grad), None, _OPTIONS)
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
        """The worker's; None where there is none."""
        remote, name = self._hubcell_owner
        found = remote.operate("gradient", (name,), None, _OPTIONS)
        return None if found is None else _own(Gradient, found, remote, name)

    @grad.setter
    def grad(self, gradient: Optional[torch.Tensor]) -> None:
        remote, name = self._hubcell_owner
        remote.operate("set_gradient", (name, gradient), None, _OPTIONS)

    @property
    def is_leaf(self) -> bool:  # type: ignore[override]
        # An optimizer asks each parameter that it is given.
        if sys._getframe(1).f_globals.get("__name__", "").startswith("torch.optim"):
            raise Error("optimize the parameters of a model in a worker: an optimizer here would change copies; optimize "
                        "inputs or modules of your own, or train in the repository's own code")
        return True

    def __deepcopy__(self, memo: Any) -> torch.nn.Parameter:
        return torch.nn.Parameter(_plain(self).clone(), self.requires_grad)

    def __reduce_ex__(self, protocol: Any) -> Any:
        parameter: Any = torch.nn.Parameter(_plain(self), self.requires_grad)
        return parameter.__reduce_ex__(protocol)

    def __repr__(self) -> str:  # type: ignore[override]
        return repr(torch.nn.Parameter(_plain(self), self.requires_grad))


class Gradient(torch.Tensor):
    """The gradient of a parameter in a worker: what zero_grad and clip_grad_norm_ do to it in place, the worker's gets
    too."""

    _hubcell_owner: Tuple[Any, str]
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def detach(self) -> "Gradient":
        """Itself, as far as clip_grad_norm_ is concerned, which writes into what it detached."""
        return self

    def __repr__(self, *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
        return repr(_plain(self))


def _written_back(method_name: str) -> Callable[..., Gradient]:
    method = getattr(torch.Tensor, method_name)

    def act(self: Gradient, *args: Any, **kwargs: Any) -> Gradient:
        method(self, *args, **kwargs)
        remote, name = self._hubcell_owner
        remote.operate("set_gradient", (name, _plain(self)), None, _OPTIONS)
        return self
    act.__name__, act.__doc__ = method_name, method.__doc__
    return act


for _name in ("zero_", "mul_", "div_", "add_", "sub_", "copy_", "fill_", "clamp_", "nan_to_num_"):
    setattr(Gradient, _name, _written_back(_name))


def own(remote: Any, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """A copy that the worker sent, as one that knows whose it is."""
    kind = Parameter if isinstance(tensor, torch.nn.Parameter) else Buffer
    known: torch.Tensor = _own(kind, tensor, remote, name)
    return known


def _own(kind: Any, tensor: torch.Tensor, remote: Any, name: str) -> Any:
    made: Any = torch.Tensor._make_subclass(kind, _plain(tensor), kind is Parameter and tensor.requires_grad)
    made._hubcell_owner = (remote, name)
    return made


def _as_seen_through(owned: Any, result: Any) -> Any:
    """What a function made of a copy: views of it, with their history, and arrays of its memory can no more be written into."""
    if type(result) is torch.Tensor and result._is_view():
        view: Any = result.as_subclass(Buffer)
        view._hubcell_owner = owned._hubcell_owner
        return view
    if isinstance(result, (tuple, list)) and type(result) in (tuple, list):
        return type(result)(_as_seen_through(owned, item) for item in result)
    if hasattr(result, "__array_interface__") and not isinstance(result, torch.Tensor):
        result.flags.writeable = False
    return result


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The same memory, without a class and a history of its own."""
    with torch._C.DisableTorchFunction():
        return torch.Tensor.detach(tensor).as_subclass(torch.Tensor)


def _writes(func: Any) -> bool:
    """Whether a function of torch's changes its first argument."""
    name = str(getattr(func, "__name__", ""))
    return name in ("__setitem__", "__set__", "__delete__") or (name.endswith("_") and not name.startswith("_")) or (
        name.startswith("__i") and name.endswith("__") and name not in ("__index__", "__int__", "__invert__"))

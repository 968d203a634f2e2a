"""Handles of modules are torch.nn.Modules: they go into nn.Sequential and into modules of the caller's own."""

from __future__ import annotations

import collections
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping, NoReturn, Optional, Set, Tuple

import torch

from . import _calls, _lent, _parameter, _recipes
from ._errors import Error
from ._handle import HandleBase, _Doc

# What an nn.Module does with functions or containers of the caller's, which a worker cannot have.
_REFUSED = ("register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
            "register_backward_hook register_state_dict_pre_hook register_load_state_dict_post_hook "
            "register_load_state_dict_pre_hook register_state_dict_post_hook _register_state_dict_hook "
            "_register_load_state_dict_pre_hook add_module register_module set_submodule share_memory compile").split()
# What else of torch.nn.Module is the model's own.
_FORWARDED = "register_buffer register_parameter extra_repr get_extra_state set_extra_state".split()
# What changes the module in its worker and returns it.
_MODES = "eval requires_grad_ to half float double bfloat16 type cpu cuda xpu to_empty".split()


class Module(HandleBase, torch.nn.Module):
    """A torch.nn.Module that lives in a worker. Calls run there; `state_dict` and `parameters` give what it holds, and
    `load_state_dict` changes it; `eval`, `train`, `to`, `half`, `float` and `double` act there and return the handle."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override, unused-ignore]
        _lent.check(_calls.remote_of(self))
        return HandleBase.__call__(self, *args, **kwargs)

    @property
    def forward(self) -> Any:  # type: ignore[override]
        """The model's own method: call it, or look at its help."""
        return _calls.remote_of(self).attribute("forward")

    @property
    def training(self) -> bool:  # type: ignore[override, unused-ignore]
        """As the worker has it."""
        return bool(_calls.remote_of(self).attribute("training"))

    def train(self, mode: bool = True) -> "Module":
        """torch.nn.Module.train, in the worker; the handle."""
        self._call("train", mode)
        _recipes.note(self, "train", (mode,), {})
        return self

    # ---- what it holds

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[Tuple[str, torch.nn.Parameter]]:
        """(name, parameter): copies of what the worker has now, with their `requires_grad`."""
        for name, parameter in self._collect("named_parameters", "", recurse):
            yield _joined(prefix, name), parameter

    def parameters(self, recurse: bool = True) -> Iterator[torch.nn.Parameter]:
        """Copies of the parameters, as `named_parameters` gives them."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[Tuple[str, torch.Tensor]]:
        """(name, buffer): copies of what the worker has now."""
        for name, buffer in self._collect("named_buffers", "", recurse):
            yield _joined(prefix, name), buffer

    def buffers(self, recurse: bool = True) -> Iterator[torch.Tensor]:
        """Copies of the buffers, as `named_buffers` gives them."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    @property
    def _parameters(self) -> Dict[str, torch.nn.Parameter]:  # type: ignore[override]
        return _ReadOnly(self.named_parameters())

    @property
    def _buffers(self) -> Dict[str, torch.Tensor]:  # type: ignore[override]
        return _ReadOnly(self.named_buffers())

    # torch itself looks for nothing below this module, which has done there what was to be done.
    @property
    def _modules(self) -> Dict[str, torch.nn.Module]:  # type: ignore[override]
        is_torch = sys._getframe(1).f_globals.get("__name__") == "torch.nn.modules.module"
        return {} if is_torch else _ReadOnly(self.named_children())

    # A module that holds this one sees it as one, with all its parameters.
    def named_modules(self, memo: Optional[Set[torch.nn.Module]] = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[Tuple[str, torch.nn.Module]]:
        if memo is not None:
            if any(self is other for other in memo):
                return
            memo.add(self)
            yield prefix, self
            return
        for name, module in self._collect("named_modules"):
            yield _joined(prefix, name), (self if name == "" else module)

    def modules(self, remove_duplicate: bool = True) -> Iterator[torch.nn.Module]:
        """This handle, and one of every module below."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[Tuple[str, torch.nn.Module]]:
        """(name, handle) of the modules right below."""
        return iter(self._collect("named_children"))

    def children(self) -> Iterator[torch.nn.Module]:
        """Handles of the modules right below."""
        return (child for _, child in self.named_children())

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "",  # type: ignore[override, unused-ignore]
                   keep_vars: bool = False) -> Any:
        """A copy of what the worker has now."""
        given = dict(zip(("destination", "prefix", "keep_vars"), args))
        destination, prefix = given.get("destination", destination), given.get("prefix", prefix)
        found = self._call("state_dict")
        _lent.lend(_calls.remote_of(self), (item for item in found.values() if isinstance(item, torch.Tensor)))
        target = collections.OrderedDict() if destination is None else destination
        for name, tensor in found.items():
            target[prefix + name] = tensor
        return target

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,  # type: ignore[override, unused-ignore]
                        **kwargs: Any) -> Any:
        """As torch's: names that are missing or not expected are an error, or, not `strict`, returned."""
        with torch.no_grad():  # none flow into what is copied
            found = self._call("load_state_dict", dict(state_dict), strict, **kwargs)
        _lent.take_back(_calls.remote_of(self), state_dict.values())
        return found

    def _load_from_state_dict(self, state_dict: Dict[str, Any], prefix: str, local_metadata: Any, strict: bool,
                              missing_keys: List[str], unexpected_keys: List[str], error_msgs: List[str]) -> None:
        mine = {name[len(prefix):]: value for name, value in state_dict.items() if name.startswith(prefix)}
        try:
            with torch.no_grad():
                missing, unexpected = self._call("load_state_dict", mine, False)
        except Error as refused:
            error_msgs.append(str(refused))
            return
        _lent.take_back(_calls.remote_of(self), mine.values())
        missing_keys.extend(prefix + name for name in missing)
        unexpected_keys.extend(prefix + name for name in unexpected)

    # ---- functions of the caller's

    def apply(self, fn: Callable[[torch.nn.Module], None]) -> "Module":
        """Calls `fn` with a handle of every module below, and of this one, as torch does."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], *args: Any, **kwargs: Any) -> "Module":
        """What a module that holds this one does to all tensors: a change of dtype or device is done in the worker."""
        tensors = [tensor for _, tensor in (*self._parameters.items(), *self._buffers.items())]
        wanted = {fn(torch.ones(1, dtype=dtype)).dtype for dtype in {t.dtype for t in tensors if t.is_floating_point()}}
        if len(wanted) > 1:
            raise Error("apply a function to the tensors of a model in a worker: it gives them several dtypes; use to()")
        for dtype in wanted:
            self.to(dtype)
        return self

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        return self._as_own(name, HandleBase.__getattr__(self, name))

    def zero_grad(self, *args: Any, **kwargs: Any) -> None:
        """Clears the gradients that the parameters have in the worker, as its torch does."""
        self._call("zero_grad", *args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, torch.nn.Module) and not isinstance(value, Module):
            raise Error(f"set .{name} of a model in a worker to a {type(value).__name__} of this program: modules do not "
                        "cross; wrap the model, torch.nn.Sequential(model, ...), or change it in the repository's code")
        HandleBase.__setattr__(self, name, value)

    # As torch's modules: a model is itself, equal to nothing else.
    def __eq__(self, other: Any) -> bool:
        return self is other

    def __ne__(self, other: Any) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return True

    # What asks isinstance(layer, torch.nn.BatchNorm2d) sees torch's own layers as what they are.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        module, _, name = _calls.remote_of(self).kind()[0].rpartition(".")
        found = getattr(sys.modules.get(module), name, None) if module.startswith("torch.nn.modules.") else None
        return found if isinstance(found, type) and issubclass(found, torch.nn.Module) else Module

    def _get_name(self) -> str:
        return str(_calls.remote_of(self).kind()[0].rpartition(".")[2])

    # ---- ours

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _calls.call(_calls.remote_of(self), method, args, kwargs)

    def _collect(self, method: str, *arguments: Any) -> List[Tuple[str, Any]]:
        pairs = _calls.operate(_calls.remote_of(self), "collect", method, *arguments)
        return [(name, self._as_own(name, item)) for name, item in pairs]

    def _as_own(self, name: str, item: Any) -> Any:
        """A tensor of that name knows whose it is."""
        return _parameter.own(_calls.remote_of(self), name, item) if isinstance(item, torch.Tensor) else item


class _ReadOnly(Dict[str, Any]):
    """What a module holds, as of now."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Error("change what a model in a worker holds: this is a copy of it; use load_state_dict(state_dict), set the "
                    "attribute, or change it in the repository's code")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _refuse


def _joined(prefix: str, name: str) -> str:
    return prefix + ("." if prefix and name else "") + name


def _mode(name: str) -> Callable[..., Module]:
    def act(self: Module, *args: Any, **kwargs: Any) -> Module:
        self._call(name, *args, **kwargs)
        _recipes.note(self, name, args, kwargs)
        return self
    act.__name__ = name
    act.__doc__ = f"torch.nn.Module.{name}, in the worker; the handle."
    return act


def _forwarded(name: str) -> Callable[..., Any]:
    def act(self: Module, *args: Any, **kwargs: Any) -> Any:
        return self._call(name, *args, **kwargs)
    act.__name__ = name
    act.__doc__ = f"torch.nn.Module.{name}, in the worker."
    return act


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(self: Module, *args: Any, **kwargs: Any) -> NoReturn:
        raise Error(f"{name} of a model in a worker: a function or a module of this program does not cross; wrap the model in "
                    "a module of your own, or change it in the repository's code")
    refuse.__name__ = name
    refuse.__doc__ = f"torch.nn.Module.{name}: raises hubcell.Error, since functions and modules of this program do not cross."
    return refuse


for _name in _MODES:
    setattr(Module, _name, _mode(_name))
for _name in _FORWARDED:
    setattr(Module, _name, _forwarded(_name))
for _name in _REFUSED:
    setattr(Module, _name, _refused(_name))
Module.__doc__ = _Doc(Module.__doc__ or "")  # type: ignore[assignment]

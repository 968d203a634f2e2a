"""Handles: objects that live in a worker and feel like what they are."""

from __future__ import annotations

import re
from typing import Any, Iterator, List, NoReturn, Optional, Tuple

from . import _calls, _containers, _recipes
from ._errors import Error

# Asked for by name on every object, by copy, pickle, numpy, inspect and notebooks: those that only a class has stay local.
_FORWARDED_DUNDERS = frozenset(("__name__", "__qualname__", "__wrapped__", "__version__", "__file__"))


def forwards(name: str) -> bool:
    """Whether an attribute of that name is looked for in the worker."""
    is_special = name.startswith("__") and name.endswith("__") or name.startswith("_ipython_") or name.startswith("_repr_")
    return not is_special or name in _FORWARDED_DUNDERS


class _Doc:
    """`handle.__doc__` is the object's own help, so that help(handle) shows it; the class has its own."""

    def __init__(self, text: str):
        self._text = text

    def __get__(self, handle: Any, kind: Any = None) -> str:
        return self._text if handle is None else _calls.operate(_calls.remote_of(handle), "help")


class HandleBase:
    """What all handles share; a handle is a `Handle`, or a `Module` where the object is a torch.nn.Module."""

    def __init__(self, remote: Any) -> None:
        object.__setattr__(self, "_hubcell_remote", remote)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _calls.call(_calls.remote_of(self), "", args, kwargs)

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        if not forwards(name):
            raise AttributeError(f"a handle of a {_calls.remote_of(self).kind()[0]} has no {name} of its own")
        remote = _calls.remote_of(self)
        return _containers.attached(remote.attribute(name), remote, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _calls.operate(_calls.remote_of(self), "setattr", name, value)
        _recipes.note(self, "__setattr__", (name, value), {})

    def __delattr__(self, name: str) -> None:
        _calls.operate(_calls.remote_of(self), "delattr", name)

    def __dir__(self) -> List[str]:
        return list(_calls.operate(_calls.remote_of(self), "dir"))

    # ---- texts

    def __repr__(self) -> str:
        return str(_calls.operate(_calls.remote_of(self), "repr"))

    def __str__(self) -> str:
        return str(_calls.operate(_calls.remote_of(self), "str"))

    # ---- containers

    def __len__(self) -> int:
        return int(_calls.operate(_calls.remote_of(self), "len"))

    def __getitem__(self, key: Any) -> Any:
        return _calls.operate(_calls.remote_of(self), "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _calls.operate(_calls.remote_of(self), "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        _calls.operate(_calls.remote_of(self), "delitem", key)

    def __contains__(self, value: Any) -> bool:
        return bool(_calls.operate(_calls.remote_of(self), "contains", value))

    def __iter__(self) -> Iterator[Any]:
        return RemoteIterator(_calls.operate(_calls.remote_of(self), "iter"))

    # ---- truth, equality, order

    def __bool__(self) -> bool:
        return bool(_calls.operate(_calls.remote_of(self), "bool"))

    def __hash__(self) -> int:
        return int(_calls.operate(_calls.remote_of(self), "hash"))

    # ---- with

    def __enter__(self) -> Any:
        return _calls.operate(_calls.remote_of(self), "enter")

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        return bool(_calls.operate(_calls.remote_of(self), "exit", *(() if error is None else (str(error),))))

    # ---- copies

    def __copy__(self) -> NoReturn:
        self._refuse("copy")

    def __deepcopy__(self, memo: Any) -> NoReturn:
        self._refuse("copy")

    # What a load returned is loaded again where it is unpickled.
    def __reduce_ex__(self, protocol: Any) -> Any:
        return _recipes.reduce(self) or self._refuse("pickle")

    def _refuse(self, what: str) -> NoReturn:
        name = _calls.remote_of(self).kind()[0]
        raise Error(f"{what} a {name}: it lives in its worker; load it again where another one is needed")


# What Python says where neither side has the operation.
_UNSUPPORTED = re.compile("unsupported operand type|not supported between instances")


def _operator(operation: str) -> Any:
    def apply(self: Any, other: Any) -> Any:
        try:
            return _calls.operate(_calls.remote_of(self), operation, other)
        except TypeError as error:
            if getattr(error, "remote_traceback", "") and not _UNSUPPORTED.search(str(error)):
                raise
            return NotImplemented
    return apply


def _reflected(method: str) -> Any:
    """Of `1 + handle`: what the object's own __radd__ makes of it."""
    def apply(self: Any, other: Any) -> Any:
        try:
            answer = _calls.call(_calls.remote_of(self), method, (other,), {})
        except (AttributeError, TypeError):
            return NotImplemented
        kind = _calls.remote_of(answer).kind()[0] if isinstance(answer, HandleBase) else ""
        return NotImplemented if kind == "builtins.NotImplementedType" else answer
    return apply


def _unary(operation: str) -> Any:
    return lambda self: _calls.operate(_calls.remote_of(self), operation)


for _name in ("eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift",
              "rshift"):
    setattr(HandleBase, f"__{_name}__", _operator(_name))
for _name in "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor".split():
    setattr(HandleBase, f"__r{_name}__", _reflected(f"__r{_name}__"))
for _name in ("and", "or"):
    setattr(HandleBase, f"__{_name}__", _operator(_name + "_"))
setattr(HandleBase, "__xor__", _operator("xor"))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(HandleBase, f"__{_name}__", _unary(_name))


class Handle(HandleBase):
    """An object that lives in a worker: call it, read and set its attributes, index it, iterate over it, pass it back to its
    worker. What runs, runs there, and raises `hubcell.Error` as the exception that it is."""

    def __next__(self) -> Any:
        return _next_of(self)


Handle.__doc__ = _Doc(Handle.__doc__ or "")  # type: ignore[assignment]


def _next_of(iterator: Any) -> Any:
    step: Tuple[Any, ...] = _calls.operate(_calls.remote_of(iterator), "next")
    if not step:
        raise StopIteration
    return step[0]


class RemoteIterator:
    """Steps through an iterator of a worker; a generator runs one step at a time."""

    def __init__(self, iterator: Any) -> None:
        self._iterator: Optional[Any] = iterator

    def __iter__(self) -> "RemoteIterator":
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            raise StopIteration
        try:
            return _next_of(self._iterator)
        except StopIteration:
            self._iterator = None
            raise

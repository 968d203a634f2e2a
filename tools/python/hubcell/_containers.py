"""Lists, dicts and sets that are attributes of an object of a worker arrive as copies; a change of one is made in the worker
too, so that `model.names[0] = "cat"` changes the model."""

from __future__ import annotations

from typing import Any, Callable, Tuple

from . import _calls

_LIST_CHANGES = ("__setitem__ __delitem__ __iadd__ __imul__ append extend insert pop remove clear sort reverse").split()
_DICT_CHANGES = ("__setitem__ __delitem__ __ior__ pop popitem clear update setdefault").split()
_SET_CHANGES = ("__ior__ __iand__ __isub__ __ixor__ add discard remove pop clear update intersection_update difference_update "
                "symmetric_difference_update").split()


class _Attribute:
    """Where a container lies: the object, its attribute, and the keys that lead from there to the container."""

    _hubcell_place: Tuple[Any, str, Tuple[Any, ...]]

    def __reduce_ex__(self, protocol: Any) -> Any:
        plain: Any = next(base for base in (list, dict, set) if isinstance(self, base))
        return plain, (plain(self),)


class List(_Attribute, list):  # type: ignore[type-arg]
    """A list of a worker."""


class Dict(_Attribute, dict):  # type: ignore[type-arg]
    """A dict of a worker."""


class Set(_Attribute, set):  # type: ignore[type-arg]
    """A set of a worker."""


def attached(value: Any, remote: Any, name: str, keys: Tuple[Any, ...] = ()) -> Any:
    """`value`, an attribute of `remote` or what lies in it at `keys`, as a container that changes the worker's."""
    made: Any
    if type(value) is list:
        made = List(attached(item, remote, name, (*keys, index)) for index, item in enumerate(value))
    elif type(value) is dict:
        made = Dict((key, attached(item, remote, name, (*keys, key))) for key, item in value.items())
    elif type(value) is set:
        made = Set(value)
    else:
        return value
    made._hubcell_place = (remote, name, keys)
    return made


def _changing(kind: type, method: str) -> Callable[..., Any]:
    local = getattr(kind, method)

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        remote, name, keys = self._hubcell_place
        _calls.operate(remote, "change", name, keys, method, args, kwargs)
        return local(self, *args, **kwargs)
    change.__name__ = method
    change.__doc__ = local.__doc__
    return change


for _ours, _kind, _methods in ((List, list, _LIST_CHANGES), (Dict, dict, _DICT_CHANGES), (Set, set, _SET_CHANGES)):
    for _method in _methods:
        setattr(_ours, _method, _changing(_kind, _method))

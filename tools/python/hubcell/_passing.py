"""What stands for a model and passes its calls on: a module whose calls, and whose model's methods, go through one function."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Tuple

import torch

from . import _calls, _state
from ._errors import Error
from ._handle import HandleBase, forwards

logger = logging.getLogger("hubcell")


class Passing(torch.nn.Module):
    """Goes where a handle goes. `train`, `eval`, `to` and the rest of torch.nn.Module act on all models behind it."""

    def __init__(self, **models: Any) -> None:
        super().__init__()
        self._models: Tuple[Any, ...] = tuple(models.values())
        self._methods: Dict[str, Callable[..., Any]] = {}
        for name, model in models.items():
            if isinstance(model, torch.nn.Module):
                self.add_module(name, model)

    def _pass(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        """One call of a method, or, where that is empty, of the model itself."""
        raise NotImplementedError

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the model."""
        return self._pass("", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """A method of the model; its calls are passed on, too."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if not forwards(name) or name.startswith("_"):
                raise
        if name not in self._methods:
            self._methods[name] = self._method(name)
        return self._methods[name]

    def _method(self, name: str) -> Callable[..., Any]:
        if not _is_callable(getattr(self._models[0], name)):
            raise AttributeError(f"a {type(self).__name__} passes calls on, and .{name} of its model is no method: ask the model")

        def method(*args: Any, **kwargs: Any) -> Any:
            return self._pass(name, args, kwargs)
        method.__name__ = method.__qualname__ = name
        return method

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise Error(f"pickle a {type(self).__name__}: it belongs to this program; make one where it is needed")


def _is_callable(thing: Any) -> bool:
    return bool(_calls.remote_of(thing).kind()[1]) if isinstance(thing, HandleBase) else callable(thing)


def call(model: Any, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """Calls a handle, or whatever else is called like one, or its method of that name."""
    if not method:
        return model(*args, **kwargs)
    if isinstance(model, HandleBase):
        return _calls.call(_calls.remote_of(model), method, args, kwargs)
    return getattr(model, method)(*args, **kwargs)


class CallState:
    """What a call of `model` depends on beside its arguments, taken before it is made."""

    def __init__(self, model: Any) -> None:
        draws = not isinstance(model, HandleBase) or _calls.sends_generator(_calls.remote_of(model))
        self.state = _state.of_call(draws)

    def matters(self) -> bool:
        """Whether who repeats the call needs it: the call has moved torch's generator since, or ran under autocast."""
        if self.state is None:
            return False
        return "autocast" in self.state or _state.has_moved(self.state)

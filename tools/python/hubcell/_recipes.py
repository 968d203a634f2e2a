"""How a handle is pickled: as what it takes to load it again. A process that unpickles one gets a model of its own, in a worker
of its own, from the same commit, arguments and random states, with the same changes of mode."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import _state

# (method, arguments, keywords) of what was called on the handle, in order.
Change = Tuple[str, Tuple[Any, ...], Dict[str, Any]]


@dataclasses.dataclass
class Recipe:
    """One load."""

    hub_options: Dict[str, Any]
    repository: str
    entry: str
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    options: Any


class Loader:
    """How a recipe is loaded in a Hub of this process; _hub.py says so when it is imported."""

    load: Callable[[Recipe], Any]


def attach(answer: Any, recipe: Recipe) -> List[Any]:
    """Tells every handle in what a load returned where it came from; these handles."""
    handles = list(_handles_in(answer, ()))
    for handle, path in handles:
        object.__setattr__(handle, "_hubcell_origin", (recipe, path))
        object.__setattr__(handle, "_hubcell_changes", [])
    return [handle for handle, _ in handles]


def _handles_in(value: Any, path: Tuple[Any, ...]) -> Iterator[Tuple[Any, Tuple[Any, ...]]]:
    """With the keys that lead to each."""
    if "_hubcell_remote" in getattr(value, "__dict__", ()):
        yield value, path
    elif isinstance(value, (dict, list, tuple)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _handles_in(item, (*path, key))


def recipe_of(handle: Any) -> Optional[Recipe]:
    """None of a handle that no load returned."""
    origin = vars(handle).get("_hubcell_origin")
    return origin[0] if origin else None


def note(handle: Any, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
    """Remembers a change of a handle that a load returned; other handles cannot be loaded again."""
    changes: Optional[List[Change]] = vars(handle).get("_hubcell_changes")
    if changes is not None:
        changes.append((method, args, kwargs))


def reduce(handle: Any) -> Optional[Tuple[Any, ...]]:
    """What pickle needs; None of a handle that no load returned."""
    origin = vars(handle).get("_hubcell_origin")
    if origin is None:
        return None
    recipe, path = origin
    info = handle._hubcell_remote.info()
    pinned = f"{info['repo']}@{info['commit']}" if info["commit"] else info["repo"]
    return load_again, (dataclasses.replace(recipe, repository=pinned), path, list(vars(handle)["_hubcell_changes"]))


def load_again(recipe: Recipe, path: Tuple[Any, ...], changes: List[Change]) -> Any:
    """The handle, of a new load. This process's random states stay as they are."""
    before = _state.of_load(None, True)
    try:
        handle = Loader.load(recipe)
    finally:
        _state.take(before)
    for key in path:
        handle = handle[key]
    for method, args, kwargs in changes:
        getattr(handle, method)(*args, **kwargs)
    return handle

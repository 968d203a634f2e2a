"""Which of two loaded models is better, and where they differ."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from . import _calls, _hubcell, _recipes

_PARTS = ("modules", "weights", "speed", "code")


class Comparison:
    """What `compare` found out. Its text is a report of 80 columns."""

    def __init__(self, found: Any) -> None:
        self._found = found
        self._dict: Optional[Dict[str, Any]] = None

    def to_dict(self) -> Dict[str, Any]:
        """All of it, as `hubcell compare --json` prints it."""
        if self._dict is None:
            self._dict = json.loads(self._found.json())
        return self._dict

    @property
    def equal(self) -> bool:
        """Whether all answers are equal, bit for bit but for the sign of zeros, and no call failed."""
        return bool(self.to_dict()["equal"])

    @property
    def within(self) -> bool:
        """Whether all answers lie within the tolerance, and no call failed."""
        return bool(self.to_dict()["within"])

    @property
    def figures(self) -> Dict[str, Any]:
        """Single numbers by the names that conditions use; None where one was not measured."""
        figures: Dict[str, Any] = self.to_dict()["figures"]
        return figures

    def holds(self, condition: str) -> bool:
        """Whether a condition like "max_abs > 1e-5 or latency_ratio > 1.1" holds. Raises hubcell.Error, which points at the
        place, where it is none, and where it needs what was not measured."""
        return bool(self._found.holds(condition))

    def html(self) -> str:
        """A page for a browser that needs nothing else."""
        return str(self._found.html())

    def save_html(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the page to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html())

    def text(self, columns: int = 80, verbose: bool = False) -> str:
        """The report as the command prints it."""
        return str(self._found.text(columns, verbose))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<hubcell.Comparison: {self.text().splitlines()[0]}>"


def _input(index: int, given: Any, names: Optional[Sequence[str]], label: Optional[int]) -> Tuple[str, Any, Any, Optional[int]]:
    name = f"input {index}" if names is None else str(names[index])
    if isinstance(given, dict):
        return name, (), given, label
    return name, given if isinstance(given, tuple) else (given,), {}, label


def _inputs(inputs: Sequence[Any], labels: Optional[Sequence[int]], names: Optional[Sequence[str]]) -> List[Any]:
    for what, others in (("labels", labels), ("names", names)):
        if others is not None and len(others) != len(inputs):
            raise ValueError(f"compare: there are {len(inputs)} inputs and {len(others)} {what}; give one for each")
    return [_input(index, given, names, None if labels is None else int(labels[index])) for index, given in enumerate(inputs)]


def _side(handle: Any) -> Tuple[Any, str]:
    recipe = _recipes.recipe_of(handle)
    return _calls.remote_of(handle), recipe.entry if recipe else ""


def compare(hub: Any, a: Any, b: Any, inputs: Sequence[Any], *, method: str = "", reset: str = "",
            labels: Optional[Sequence[int]] = None, names: Optional[Sequence[str]] = None, seed: int = 0, rtol: float = 1e-5,
            atol: float = 1e-8, confidence: float = 0.95, topk: int = 5, skip: Sequence[str] = (), rounds: int = 200,
            seconds: float = 3.0) -> Comparison:
    """`Hub.compare`"""
    unknown = set(skip) - set(_PARTS)
    if unknown:
        raise ValueError(f"compare: skip={sorted(unknown)}: the parts are {', '.join(_PARTS)}")
    options = (method, reset, seed, rtol, atol, confidence, topk, tuple(part not in skip for part in _PARTS), rounds, seconds)
    return Comparison(_hubcell.compare(hub, _side(a), _side(b), _inputs(inputs, labels, names), options))

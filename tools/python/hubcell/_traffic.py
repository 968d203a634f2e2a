"""Two models in one stream of calls: a share of them for a canary, or a second model that answers beside the first."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import _calls, _hubcell
from ._errors import Error
from ._handle import HandleBase
from ._passing import CallState, Passing, call, logger

Key = Union[str, int, bytes]


# ---- splits

class Split(Passing):
    """Calls of several models, each call of one of them; `split` makes it."""

    def __init__(self, sides: Mapping[Any, float], key: Optional[Callable[..., Key]], labels: Optional[Sequence[str]]) -> None:
        super().__init__(**{f"side_{index}": side for index, side in enumerate(sides)})
        self.sides: Tuple[Any, ...] = tuple(sides)
        """The models, in the order of the dict."""
        self.labels: Tuple[str, ...] = tuple(str(index) for index in range(len(sides))) if labels is None else tuple(labels)
        """What the sides are called."""
        self._key = key
        if len(self.labels) != len(self.sides):
            raise ValueError(f"split calls: {len(self.sides)} sides and {len(self.labels)} labels; give one for each")
        weights = tuple(float(weight) for weight in sides.values())
        try:
            self._routes = _hubcell.make_routes(self.labels, weights)
        except Error as refused:
            raise ValueError(str(refused)) from None

    @property
    def counts(self) -> Dict[str, int]:
        """How many calls each side has had, by its label."""
        return dict(zip(self.labels, self._routes.counts()))

    def _pass(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        return call(self.sides[self._side_of(args, kwargs)], method, args, kwargs)

    def _side_of(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> int:
        if self._key is None:
            return self._routes.side_of_call(args, kwargs)
        key = self._key(*args, **kwargs)
        if not isinstance(key, (str, bytes)):
            try:
                key = int(operator.index(key))
            except TypeError:
                name = type(key).__name__
                raise TypeError(f"split calls: the key of one is a {name}; give a str, an int or bytes") from None
        return self._routes.side_of(key)


def split(sides: Mapping[Any, float], key: Optional[Callable[..., Key]] = None,
          labels: Optional[Sequence[str]] = None) -> Split:
    """Gives each call to one of several models, by their shares: `hub.split({stable: 0.95, canary: 0.05})`.

    sides: the models (handles, or what is called like one) with their weights, in any unit; a side of weight 0 is never
        chosen.
    key: what is to have the same side for ever, of a call's arguments: `key=lambda x, user: user`. It returns a str, an int
        or bytes, and these are three different keys. None: the content of the arguments, so that the same input has the same
        side.
    labels: a name for each side, in the order of the dict. Sides are known by it: the same labels have the same keys,
        whatever the order. None: "0", "1", ... in the order of the dict, which then has to stay.

    The same key has the same side in every process and on every machine. Where weights change, only the keys move that have
    to: a side that grows takes some from the others, one that shrinks gives some away (weighted rendezvous hashing).

    What comes back is a torch.nn.Module, called like a model; methods go the same way (`it.predict(x)`), `eval`, `to` and the
    rest act on all sides. `.counts` says how many calls each side has had, `.sides` are the models.

    Raises ValueError on a weight that is negative or no finite number, where none is above 0, and on labels that are too few
    or not different; TypeError, at a call, on a key of another type; Error, at a call without a key function, on an argument
    whose content stays in a worker. Else a call raises what its model raises: no other side is tried."""
    return Split(sides, key, labels)


# ---- shadows

@dataclasses.dataclass(frozen=True)
class Difference:
    """How far two answers lie apart."""

    equal: bool
    """To the bit, but for NaN, which is equal to NaN."""
    within: bool
    """Every pair of elements within the tolerance, and the structures are the same."""
    max_abs: float
    """The largest |b - a|; infinite where the structures differ."""
    structure: List[Tuple[str, str, str]]
    """(path, what a has there, what b has there), where they have not the same form."""
    tensors: List[Dict[str, Any]]
    """Of each pair of tensors: path, dtype, shape, count, equal, within, outside (pairs that are not), max_abs, mean_abs,
    max_rel, mean_rel, max_ulp, cosine, nan, infinite, worst (an index) and worst_values."""


@dataclasses.dataclass(frozen=True)
class ShadowedCall:
    """A call that both models have had, as it was when it was made."""

    number: int
    method: str
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    answer: Any
    """Of a."""
    other: Any
    """Of b; None where it raised."""
    error: Optional[Tuple[str, str]]
    """(type, message) of what b raised."""
    difference: Optional[Difference]
    """None where b raised."""
    seconds: Tuple[float, float]
    """That a and b took."""


class Shadow(Passing):
    """A model with a second one beside it; `shadow` makes it."""

    def __init__(self, a: Any, b: Any, on_difference: Optional[Callable[[ShadowedCall], Any]], rtol: float, atol: float,
                 in_flight_max: int, bytes_max: int, last_max: int, deadline: Optional[float]) -> None:
        super().__init__(a=a, b=b)
        _check_apart(a, b)
        told = None if on_difference is None else _Told(on_difference)
        self._shadow = _hubcell.make_shadow(_calls.remote_of(b), rtol, atol, in_flight_max, bytes_max, last_max,
                                            deadline or 0.0, told)
        self._unsendable = 0

    def _pass(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        model = self._models[0]
        begun = self._begin(method, args, kwargs, CallState(model))
        answer = call(model, method, args, kwargs)
        if begun is not None:
            self._finish(begun, answer)
        return answer

    # Whatever b cannot be sent, or a's answer cannot be compared by, a's caller gets its answer.
    def _begin(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any], before: CallState) -> Any:
        try:
            return self._shadow.begin(method, args, kwargs, before.state)
        except Exception:
            self._unsendable += 1
            return None

    def _finish(self, begun: Any, answer: Any) -> None:
        try:
            self._shadow.answered(begun, answer)
        except Exception:
            self._unsendable += 1

    @property
    def statistics(self) -> Dict[str, Any]:
        """What was seen until now: calls, failed_a, dropped (because b was behind), skipped (b cannot have them), compared,
        equal, differing, failed_b, callback_errors, in_flight; max_abs (infinite where structures differ) and mean_abs of all
        that was compared; latency_a and latency_b ({count, p50, p90, p99} in seconds, to 1 %); last (of those that differed
        or that b raised in: {number, time, method, arguments, what})."""
        seen: Dict[str, Any] = self._shadow.statistics()
        seen["skipped"] += self._unsendable
        return seen

    def wait(self, timeout: float = 60.0) -> bool:
        """Waits until b has answered all that it was given; False where that takes longer, in seconds."""
        return self._shadow.wait(timeout)

    def close(self) -> None:
        """Asks b nothing more; calls of a go on. Does not wait for b."""
        self._shadow.close()

    def __enter__(self) -> "Shadow":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _check_apart(a: Any, b: Any) -> None:
    """A worker serves one call at a time: a's calls would wait for b's."""
    if isinstance(a, HandleBase) and set(_calls.remote_of(a).pids()) & set(_calls.remote_of(b).pids()):
        raise ValueError("shadow calls: both models live in one worker, where calls of a would wait for those of b; load b "
                         "from another ref, or by a Hub of its own")


class _Told:
    """Calls on_difference; what it raises is counted by who calls, and logged the first time."""

    def __init__(self, on_difference: Callable[[ShadowedCall], Any]) -> None:
        self._on_difference, self._has_failed = on_difference, False

    def __call__(self, told: Any) -> None:
        number, method, (args, kwargs), answer, other, error, difference, seconds = told
        difference = None if difference is None else Difference(**difference)
        try:
            self._on_difference(ShadowedCall(number, method, args, kwargs, answer, other, error, difference, seconds))
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                logger.warning("on_difference of a shadow raised, which is said once", exc_info=True)
            raise


def shadow(a: Any, b: Any, on_difference: Optional[Callable[[ShadowedCall], Any]] = None, *, rtol: float = 1e-5,
           atol: float = 1e-8, in_flight_max: int = 8, bytes_max: int = 256 << 20, last_max: int = 16,
           deadline: Optional[float] = None) -> Shadow:
    """Answers from `a`, and has `b` answer the same calls beside it, which nobody waits for: `model = hub.shadow(stable,
    canary)`.

    a: a handle, or what is called like one. b: a handle.
    on_difference: called with a `ShadowedCall` for each answer of b that is not within the tolerance (|b - a| <= atol + rtol
        * |a|), and for each error of b; in a background thread, where b waits for it. What it raises is counted, and logged
        once.
    in_flight_max, bytes_max: calls that b has not answered yet, and bytes of their tensors; beyond either, calls are not
        asked of b but counted as dropped. last_max: summaries of differing calls that are kept. deadline: seconds that b may
        take; its Hub's where None.

    A call costs its caller a copy of its arguments and of the answer, so that both may be changed afterwards; while b is
    behind not even that. b is asked once a has answered, without gradients, with the random state that a had; the caller's
    generators do not notice it. b may be slow, hang, raise or die: a's answers stay what they are. Each replica of b is asked
    one call at a time.

    What comes back is a torch.nn.Module, called like a model, methods too; `eval`, `to` and the rest act on both.
    `.statistics` says what was seen, in memory that does not grow with the calls; `.wait()`, `.close()`; a context manager,
    which closes it. A forked child calls a alone.

    Raises TypeError where b is no handle, and ValueError where a and b live in one worker (two models of one ref do, unless
    each is loaded by a Hub of its own), since a's calls would wait for b's there; a call raises what a raises, and is not
    asked of b then."""
    return Shadow(a, b, on_difference, rtol, atol, in_flight_max, bytes_max, last_max, deadline)

"""Calls in a file: yesterday's traffic, asked again of today's model."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from . import _calls, _hubcell
from ._handle import HandleBase
from ._passing import CallState, Passing, call, logger
from ._traffic import Difference

FilePath = Union[str, "os.PathLike[str]"]


# ---- writing

class Recorded(Passing):
    """A model whose calls are written into a file; `record` makes it."""

    def __init__(self, model: Any, path: FilePath, bytes_max: int, calls_max: int, overwrite: bool) -> None:
        super().__init__(model=model)
        self._recorder = _hubcell.make_recorder(os.fspath(path), bytes_max, calls_max, overwrite, _description_of(model),
                                                logger.warning)

    def _pass(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        model = self._models[0]
        before = CallState(model)
        begun = self._begin(method, args, kwargs, before)
        try:
            answer = call(model, method, args, kwargs)
        except Exception as error:
            if begun is not None:
                kind = getattr(error, "remote_type", "") or type(error).__name__
                self._recorder.raised(begun, kind, str(error).partition("\n")[0], before.matters())
            raise
        if begun is not None:
            self._finish(begun, answer, before.matters())
        return answer

    # Whatever cannot be written, the caller gets its answer.
    def _begin(self, method: str, args: Tuple[Any, ...], kwargs: Dict[str, Any], before: CallState) -> Any:
        try:
            return self._recorder.begin(method, args, kwargs, before.state)
        except Exception as unwritable:
            self._recorder.skip(str(unwritable))
            return None

    def _finish(self, begun: Any, answer: Any, drew: bool) -> None:
        try:
            self._recorder.answered(begun, answer, drew)
        except Exception as unwritable:
            self._recorder.skip(str(unwritable))

    @property
    def counts(self) -> Dict[str, Any]:
        """calls (written), skipped (that cannot be), bytes (of the file), stopped (why nothing is written any more, or
        "")."""
        return dict(self._recorder.counts())

    def close(self) -> None:
        """Writes nothing more; calls go on."""
        self._recorder.close()

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _description_of(model: Any) -> Dict[str, str]:
    texts = {"hubcell": _hubcell.__version__}
    if isinstance(model, HandleBase):
        info = _calls.remote_of(model).info()
        texts.update({name: str(info[name]) for name in ("repo", "ref", "commit", "python", "torch")})
    return texts


def record(model: Any, path: FilePath, *, bytes_max: int = 4 << 30, calls_max: int = 100_000,
           overwrite: bool = False) -> Recorded:
    """Passes calls on to `model` and writes their arguments and answers into a file:
    `with hub.record(model, "calls.safetensors") as recorded: recorded(x)`.

    model: a handle, or what is called like one. overwrite: a file that is there, which is an Error otherwise.
    bytes_max, calls_max: of the file; beyond either, recording stops with one warning (of the logger "hubcell"), and the
        model goes on, as it does where the disk is full. Calls that hold handles cannot be written: they are made, counted,
        and said once.

    Errors are recorded and raised. The random state is recorded of calls that drew from torch's generator. Any thread may
    call; calls are written as they are answered, by the thread that made them. The file is a safetensors file at any time; a
    process that is killed leaves one that `Recording` reads up to the last whole call, and that others read once its tail
    (`Recording.tail_bytes`) is cut off. A file that outgrows its header is copied into one beside it, `path` + ".growing".

    What comes back is a torch.nn.Module, called like a model, methods too, and a context manager. `.counts` says what was
    written. Raises Error where the file cannot be made."""
    return Recorded(model, path, bytes_max, calls_max, overwrite)


# ---- reading

@dataclasses.dataclass(frozen=True)
class RecordedCall:
    """A call of a recording."""

    number: int
    method: str
    """Empty: the model itself."""
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    """A hubcell.File is bytes here."""
    answer: Any
    error: Optional[Tuple[str, str]]
    """(type, message), in place of an answer."""
    time: float
    """When it began, in seconds since the epoch."""
    seconds: float
    """That it took."""


class Recording:
    """The calls of a file, in the order of their answers: `for call in hub.Recording("calls.safetensors")`. Each is read when
    it is asked for. A file that is still written is seen as it was when it was opened.

    The file is checked as it is read, whoever wrote it: what does not fit together raises an Error of one line. Nothing is
    unpickled."""

    def __init__(self, path: FilePath) -> None:
        self._recording = _hubcell.open_recording(os.fspath(path))

    def __len__(self) -> int:
        return self._recording.size()

    def __getitem__(self, index: int) -> RecordedCall:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"a recording of {len(self)} calls has no call {index}")
        number, method, (args, kwargs), answer, error, time, seconds = self._recording.call(place)
        return RecordedCall(number, method, args, kwargs, answer, error, time, seconds)

    def __iter__(self) -> Iterator[RecordedCall]:
        return (self[index] for index in range(len(self)))

    @property
    def description(self) -> Dict[str, str]:
        """Of the model that was recorded: repo, ref, commit, python, torch, and hubcell's version; empty where another
        program has written the file again."""
        return dict(self._recording.description())

    @property
    def tail_bytes(self) -> int:
        """At the end of the file, of a call that was being written when its process was killed."""
        return self._recording.tail_bytes()


# ---- asking again

@dataclasses.dataclass(frozen=True)
class ReplayedCall:
    """A recorded call, and what became of it now."""

    number: int
    method: str
    recorded_error: Optional[Tuple[str, str]]
    error: Optional[Tuple[str, str]]
    """(type, message) of what was raised then, and now."""
    seconds: Tuple[float, float]
    """That it took then, and now."""
    difference: Optional[Difference]
    """From the recorded answer to today's; None where there are not both."""
    equal: bool
    within: bool
    """Of calls that raised: whether both raised the same type."""


@dataclasses.dataclass(frozen=True)
class Replay:
    """What a replay found."""

    calls: List[ReplayedCall]
    equal: int
    within: int
    """Calls whose answers are equal, and within the tolerance."""
    failed: int
    """Calls that raised now, and not then."""
    max_abs: float
    """Infinite where structures differ."""

    def differing(self) -> List[ReplayedCall]:
        """Those that are not within the tolerance."""
        return [replayed for replayed in self.calls if not replayed.within]

    def __str__(self) -> str:
        return (f"{len(self.calls)} calls: {self.equal} equal, {self.within} within the tolerance, "
                f"{len(self.calls) - self.within} not, of which {self.failed} failed; max_abs {self.max_abs:g}")


def replay(recording: Union[Recording, FilePath], model: Any, *, rtol: float = 1e-5, atol: float = 1e-8,
           calls_max: Optional[int] = None, deadline: Optional[float] = None) -> Replay:
    """Makes the calls of a recording again, in their order, and compares the answers with the recorded ones:
    `print(hub.replay("calls.safetensors", hub.load("owner/name:new", "net").eval()))`.

    recording: a path or a `Recording`. model: a handle. rtol, atol: the tolerance, |b - a| <= atol + rtol * |a| with a the
        recorded one.
    calls_max: at most so many; deadline: seconds that a call may take, the Hub's where None.

    Calls run without gradients, with the random state that was recorded, where there is one; this process's generators stay
    as they are. What the model raises is a result, not an error of the replay. Raises Error where the file cannot be read, or
    is no recording, and TypeError where model is no handle."""
    opened = recording if isinstance(recording, Recording) else Recording(recording)
    calls, equal, within, failed, max_abs = opened._recording.replay(_calls.remote_of(model), rtol, atol, calls_max or 0,
                                                                     deadline or 0.0)
    return Replay([_replayed(*found) for found in calls], equal, within, failed, max_abs)


def _replayed(number: int, method: str, recorded_error: Optional[Tuple[str, str]], error: Optional[Tuple[str, str]],
              seconds: Tuple[float, float], difference: Optional[Dict[str, Any]], equal: bool, within: bool) -> ReplayedCall:
    found = None if difference is None else Difference(**difference)
    return ReplayedCall(number, method, recorded_error, error, seconds, found, equal, within)

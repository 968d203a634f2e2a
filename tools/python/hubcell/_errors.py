"""The exceptions of hubcell. An exception of foreign code arrives as the builtin type that it is or derives from, and as
`Error` at once."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import urllib.error
from typing import Any, Optional, Tuple


class Error(RuntimeError):
    """What went wrong, on what, why, and what to do, in one line; behind it the worker's traceback, if there is one."""

    remote_traceback: str = ""
    """The worker's formatted traceback; empty where no foreign code raised."""
    remote_type: str = ""
    """The exception's own class, "module.Name"; empty where no foreign code raised."""


class WorkerDied(Error):
    """The worker ended while it was needed."""

    signal: Optional[int] = None
    """The signal that ended it; None where it exited by itself."""
    exit_code: Optional[int] = None
    """Its exit code; None where a signal ended it."""
    stderr_tail: str = ""
    """The last lines that it printed."""
    restarted: bool = False
    """Whether the model is there again; not yet implemented, so never."""


class DeadlineExceeded(Error, TimeoutError):
    """A call took longer than its deadline; it was interrupted, and its worker killed where that did not help."""


class StaleHandle(Error):
    """The object behind a handle is gone: its worker ended, or its Hub was closed."""


class SourceError(Error):
    """A name, a ref, a remote or a checkout: what cannot be found or fetched."""


class DownloadError(SourceError, urllib.error.URLError):
    """A file that cannot be had by its URL; what torch.hub raises for it, too."""

    def __init__(self, message: str) -> None:
        BaseException.__init__(self, message)
        self.reason = message

    def __str__(self) -> str:
        return str(self.reason)


class SandboxError(Error):
    """A layer of the sandbox that was asked for cannot be had on this machine."""


class Cancelled(Error):
    """The call was given up."""


# Of hubcell::ErrorCode, in its order; 100 is an argument that cannot be sent.
_SYSTEM, _USAGE, _SOURCE, _SANDBOX, _REMOTE, _DIED, _DEADLINE, _STALE, _PROTOCOL, _CANCELLED = range(10)
_UNSENDABLE = 100
_CLASSES = {_SOURCE: SourceError, _SANDBOX: SandboxError, _DEADLINE: DeadlineExceeded, _STALE: StaleHandle,
            _CANCELLED: Cancelled}

# From Python 3.11 on.
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())

Remote = Tuple[str, str, str, str]
Death = Tuple[int, int, str]


class _UnsendableArgument(Error, TypeError):
    """An argument that no value and no handle can stand for."""


_UnsendableArgument.__name__ = _UnsendableArgument.__qualname__ = "TypeError"


def make(code: int, message: str, remote: Optional[Remote], death: Optional[Death]) -> BaseException:
    """The exception for a failure of the C++ client."""
    if remote is not None:
        return _make_remote(message, *remote)
    if code == _UNSENDABLE:
        return _UnsendableArgument(message)
    if code == _DIED:
        return _make_died(message, death)
    return _CLASSES.get(code, Error)(message)


def _make_died(message: str, death: Optional[Death]) -> WorkerDied:
    error = WorkerDied(message)
    if death is not None:
        exit_code, signal, error.stderr_tail = death
        error.signal = signal or None
        error.exit_code = None if signal else exit_code
    return error


def _make_remote(message: str, kind: str, builtin: str, text: str, traceback: str) -> Error:
    error = _remote_class(kind, builtin)(message + _indented(traceback))
    error.remote_traceback, error.remote_type = traceback, kind
    error.args = (_key_of(text),) if isinstance(error, KeyError) else error.args
    return error


def _key_of(text: str) -> str:
    """The key of a KeyError whose message is `text`: the repr of the key."""
    try:
        key = ast.literal_eval(text) if text[:1] in ("'", '"') else text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return key if isinstance(key, str) else text


def _indented(traceback: str) -> str:
    return "\n\n  in the worker:\n" + "".join(f"    {line}\n" for line in traceback.splitlines()) if traceback else ""


@functools.lru_cache(maxsize=256)
def _remote_class(kind: str, builtin: str) -> type[Error]:
    """A class that is `Error` and the builtin exception, under the foreign class's own name."""
    base: Any = getattr(builtins, builtin, None)
    # A group is made of the exceptions that it holds, which stay in the worker.
    is_exception = isinstance(base, type) and issubclass(base, Exception) and not issubclass(base, _GROUP)
    bases: Tuple[Any, ...] = (_Remote, base) if is_exception and not issubclass(_Remote, base) else (_Remote,)
    return type(kind.rpartition(".")[2] or "Error", bases, {"__module__": __package__, "__doc__": f"{kind} of a worker."})


# As OSError shows itself: number, meaning, quote, file; and what the client says about it.
_OS_ERROR = re.compile(r"""\[Errno (\d{1,9})\] (.*?)(?:: (['"])(.*)\3)?(?:; .*)?$""", re.MULTILINE)


class _Remote(Error):
    """Shows its message whatever the builtin class makes of its arguments: some want five of them."""

    def __new__(cls, message: str) -> "_Remote":
        base: Any = cls.__base__
        # OSError and MemoryError insist on making what derives from them.
        error = (BaseException if base is None or issubclass(base, _Remote) else base).__new__(cls, message)
        error._message = message
        return error

    def __init__(self, message: str) -> None:
        BaseException.__init__(self, message)
        found = _OS_ERROR.search(message) if isinstance(self, OSError) else None
        if isinstance(self, OSError) and found is not None:
            number, self.strerror, _, self.filename = found.groups()
            self.errno = int(number)

    def __str__(self) -> str:
        return self._message

    def __reduce__(self) -> Any:
        return _restore, (type(self).__name__, _builtin_of(type(self)), self._message, self.remote_traceback)

    _message: str


def _builtin_of(kind: type) -> str:
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins" and base is not RuntimeError)


def _restore(kind: str, builtin: str, message: str, traceback: str) -> Error:
    error = _remote_class(kind, builtin)(message)
    error.remote_traceback = traceback
    return error

"""Calls in flight as futures of the standard library, which can be awaited too."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Any, Generator, List, Optional

from . import _calls
from ._errors import Cancelled

# How long a thread without anything to wait for stays.
_IDLE_SECONDS = 5.0


class Future(concurrent.futures.Future):  # type: ignore[type-arg]
    """A call in flight: a `concurrent.futures.Future` that can be awaited. Cancelling one that runs interrupts the worker's
    code, and kills the worker where that does not help."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self._call = call

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.wrap_future(self).__await__()

    def running(self) -> bool:
        return not self.done() and bool(self._call.running())

    def cancel(self) -> bool:
        if self.done():
            return self.cancelled()
        return bool(self._call.cancel()) and super().cancel()

    def _finish(self) -> None:
        """Waits for the answer; in a thread of `_Waiters`."""
        try:
            answer = self._call.result()
        except Cancelled:
            super().cancel()
            self.set_running_or_notify_cancel()
        except BaseException as error:  # noqa: B902 - whatever the call's outcome is, it is the future's
            self._settle(error=error)
        else:
            self._settle(answer)

    def _settle(self, answer: Any = None, error: Optional[BaseException] = None) -> None:
        if not self.set_running_or_notify_cancel():
            return
        if error is None:
            self.set_result(answer)
        else:
            self.set_exception(error)


class _Waiters:
    """Threads that wait for answers, one for each call in flight; those without one stay for a while."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: List[Future] = []
        self._idle = 0

    def add(self, future: Future) -> None:
        with self._condition:
            self._waiting.append(future)
            if self._idle >= len(self._waiting):
                self._condition.notify()
                return
            thread = threading.Thread(target=self._run, name="hubcell-answers", daemon=True)
        thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._idle += 1
                there = self._condition.wait_for(lambda: self._waiting, _IDLE_SECONDS)
                self._idle -= 1
                if not there:
                    return
                future = self._waiting.pop(0)
            future._finish()
            del future

    def forget(self) -> None:
        """In a forked child, which has none of the threads."""
        self.__init__()  # type: ignore[misc]


waiters = _Waiters()


def call_async(handle: Any, *args: Any, **kwargs: Any) -> Future:
    """Starts a call of a handle and returns at once; its answer is the future's result, through which gradients flow too.

    Raises hubcell.Error where the call cannot begin, and TypeError where an argument cannot be sent."""
    future = Future(_calls.begin(_calls.remote_of(handle), "", args, kwargs))
    waiters.add(future)
    return future

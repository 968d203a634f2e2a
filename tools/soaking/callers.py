"""Threads of a program that do what programs do, and know what each call has to answer."""

import collections
import random
import threading
import time

import torch

import hubcell

# A call that has no outcome by then hangs.
HANG_S = 120.0


class Counts:
    """Of all threads: how often what was the outcome of a call, and what is off."""

    def __init__(self):
        self._lock = threading.Lock()
        self.begun, self.outcomes, self.wrong = 0, collections.Counter(), []

    def begin(self):
        with self._lock:
            self.begun += 1

    def end(self, outcome):
        with self._lock:
            self.outcomes[outcome] += 1

    def off(self, what):
        with self._lock:
            self.wrong.append(what)

    def lost(self):
        """Calls without an outcome."""
        return self.begun - sum(self.outcomes.values())


class Caller(threading.Thread):
    """A thread of the program. It owns its models, so that it knows what each of them has to answer.

    `is_careful`: nothing that it does ends a worker, so that every call has its answer.
    """

    def __init__(self, hub, folders, counts, seed, end, is_careful=False):
        super().__init__(daemon=True)
        self._hub, self._folders, self._counts, self._end = hub, folders, counts, end
        self._random = random.Random(seed)
        self._model, self._part = None, None
        self._is_careful = is_careful
        self.doing, self.since = "nothing", time.monotonic()

    def run(self):
        actions = [self._call] * 12 + [self._load] * 2 + [
            self._many, self._nap, self._raise, self._keep_part, self._use_part, self._large, self._weights, self._overwrite,
            self._change]
        if not self._is_careful:
            actions += [self._late, self._crash]
        try:
            while not self._end.is_set():
                self._random.choice([self._load] if self._model is None else actions)()
        except BaseException as error:  # noqa: B902 - a thread of the soak must not end by itself
            self._counts.off(f"{self.doing}: {type(error).__name__}: {error}")
        self._model = self._part = None

    def _try(self, name, function, right, may=()):
        """One call: its answer is right, or its error one of those it may have."""
        self.doing, self.since = name, time.monotonic()
        self._counts.begin()
        try:
            answer = function()
        except (hubcell.WorkerDied, hubcell.DeadlineExceeded, *may) as error:
            self._counts.end(type(error).__name__)
            if self._is_careful:
                self._counts.off(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")
            return None
        except Exception as error:
            self._counts.end(type(error).__name__)
            self._counts.off(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")
            return None
        self._counts.end("answered")
        if not right(answer):
            self._counts.off(f"{name}: a wrong answer: {answer!r}"[:300])
        return answer

    def _load(self):
        self._part = None
        self._factor = self._random.randrange(1, 100)
        folder = self._random.choice(self._folders)
        self._model = self._try("load", lambda: self._hub.load(folder, "model", self._factor, source="local"), lambda _: True)

    def _call(self):
        number = self._random.randrange(1000)
        x = torch.full((3,), float(number))
        self._try("call", lambda: self._model(x), lambda answer: torch.equal(answer, x * self._factor))

    def _many(self):
        calls = []
        for number in range(8):
            def begin(number=number):
                calls.append((number, hubcell.call_async(self._model, torch.tensor([float(number)]))))
            self._try("begin", begin, lambda _: True)
        for number, call in calls:
            self._try("wait", lambda: call.result(HANG_S), lambda answer: answer.item() == number * self._factor)  # noqa: B023

    def _nap(self):
        self._try("nap", lambda: self._model.nap(0.02), lambda answer: answer == 0.02)

    def _late(self):
        method = self._random.choice(("nap", "does_not_listen"))
        with hubcell.options(self._model, deadline=0.05):
            self._try(method, lambda: getattr(self._model, method)(30.0), lambda _: False)

    def _raise(self):
        def raises():
            try:
                self._model.fail("on purpose")
            except ValueError as error:
                return str(error)
        self._try("fail", raises, lambda text: "on purpose" in text)

    def _keep_part(self):
        part = self._try("keep", lambda: self._model.part(), lambda _: True)
        self._part = None if part is None else (part, self._factor)

    def _use_part(self):
        if self._part is None:
            return
        part, factor = self._part
        if self._try("part", lambda: part.value(), lambda value: value == factor, (hubcell.StaleHandle,)) is None:
            self._part = None

    def _crash(self):
        how = self._random.choice(("exit", "kill"))
        self._try(how, lambda: self._model.end(how), lambda _: False)

    def _large(self):
        count = 1 << 20
        self._try("large", lambda: self._model.large(count), lambda answer: answer.sum().item() == count * self._factor)

    def _weights(self):
        def right(answer):
            weight, parity = answer
            return bool((weight == self._factor).all()) and bool((parity == self._factor % 2).all())
        self._try("weights", lambda: self._model.weights(), right)

    def _overwrite(self):
        value = float(self._random.randrange(1000))
        self._try("overwrite", lambda: self._model.overwrite(value), lambda answer: bool((answer == value).all()))

    def _change(self):
        def changes():
            self._model.bias = 2.0
            return self._model.biased(1)
        self._try("change", changes, lambda answer: answer == self._factor + 2.0)


def start(hub, folders, counts, numbers, end, threads, is_careful=False):
    callers = [Caller(hub, folders, counts, numbers.random(), end, is_careful) for _ in range(threads)]
    for caller in callers:
        caller.start()
    return callers


def join(callers, counts):
    for caller in callers:
        caller.join(HANG_S)
        if caller.is_alive():
            counts.off(f"{caller.doing}: no outcome within {time.monotonic() - caller.since:.0f} s")
    if counts.lost():
        counts.off(f"{counts.lost()} calls without an outcome")

"""Kills workers and templates at random under a program of many threads, and counts what becomes of each call.

Each thread does what programs do: loads, calls, waits with deadlines, keeps parts, drops models. Of each call it knows the right
answer, and which errors it may have instead while processes are killed. In the end nothing may be left: no process, descriptor
or file.

usage: tools/soak [--kills N] [--seconds N] [--seed N] [--threads N]
"""

import argparse
import collections
import os
import random
import signal
import sys
import tempfile
import threading
import time

import torch

import hubcell
import leftovers
import models

# A call that has no outcome by then hangs.
HANG_S = 120.0
# Of every call: a process that was stopped answers nothing.
DEADLINE_S = 10.0
KILL_PAUSE_S = 0.04


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


class Caller(threading.Thread):
    """A thread of the program. It owns its models, so that it knows what each of them has to answer."""

    def __init__(self, hub, folders, counts, seed, end):
        super().__init__(daemon=True)
        self._hub, self._folders, self._counts, self._end = hub, folders, counts, end
        self._random = random.Random(seed)
        self._model, self._part = None, None
        self.doing, self.since = "nothing", time.monotonic()

    def run(self):
        actions = [self._call] * 12 + [self._load] * 2 + [
            self._many, self._nap, self._late, self._raise, self._keep_part, self._use_part, self._crash, self._large, self._change]
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

    def _change(self):
        def changes():
            self._model.bias = 2.0
            return self._model.biased(1)
        self._try("change", changes, lambda answer: answer == self._factor + 2.0)


def kill_at_random(hub_pids, numbers, counts, arguments, end):
    """Ends workers, and now and then a template, until so many were ended, or the time is over. Returns how many were."""
    killed, stop_at = 0, time.monotonic() + arguments.seconds
    while killed < arguments.kills and time.monotonic() < stop_at and not counts.wrong:
        time.sleep(numbers.uniform(0.2, 1.8) * KILL_PAUSE_S)
        workers, templates = hub_pids()
        dice = numbers.random()
        targets, number = next((targets, number) for chance, targets, number in (
            (0.005, templates, signal.SIGKILL), (0.01, workers, signal.SIGSEGV), (0.02, workers, signal.SIGSTOP),
            (1.0, workers, signal.SIGKILL)) if dice < chance)
        if targets and leftovers.kill(numbers.choice(targets), number):
            killed += 1
    end.set()
    return killed


def soak(arguments):
    numbers = random.Random(arguments.seed)
    counts, end = Counts(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="hubcell-soak-") as root:
        folders = models.write(root, 4)
        os.environ["TMPDIR"] = tempfile.tempdir = root
        before = leftovers.of_this_program()
        hub = hubcell.Hub(deadline=DEADLINE_S, threads=1)
        supervisor = leftovers.Supervisor(hubcell.info(hub.load(folders[0], "model", 1, source="local"))["pid"])
        callers = [Caller(hub, folders, counts, numbers.random(), end) for _ in range(arguments.threads)]
        for caller in callers:
            caller.start()
        killed = kill_at_random(supervisor.workers_and_templates, numbers, counts, arguments, end)
        for caller in callers:
            caller.join(HANG_S)
            if caller.is_alive():
                counts.off(f"{caller.doing}: no outcome within {time.monotonic() - caller.since:.0f} s")
        growth = supervisor.growth_kib()
        hub.close()
        # Its socket goes with the last that names it.
        del hub, caller, callers
        counts.wrong += leftovers.since(before, supervisor)
    lost = counts.begun - sum(counts.outcomes.values())
    if lost:
        counts.off(f"{lost} calls without an outcome")
    return killed, counts, growth


def main():
    parser = argparse.ArgumentParser(prog="tools/soak", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="so many processes are ended (200)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="no longer than that (3600)")
    parser.add_argument("--seed", type=int, default=0, help="of what is done and ended (0)")
    parser.add_argument("--threads", type=int, default=4, help="of the program (4)")
    arguments = parser.parse_args()
    began = time.monotonic()
    killed, counts, growth = soak(arguments)
    outcomes = ", ".join(f"{count} {name}" for name, count in counts.outcomes.most_common())
    print(f"{killed} kills in {time.monotonic() - began:.0f} s, seed {arguments.seed}, {arguments.threads} threads")
    print(f"{counts.begun} calls: {outcomes}")
    print(f"the supervisor grew by {growth} KiB")
    for what in counts.wrong[:20]:
        print(f"off: {what}")
    print(f"soak: {'nothing is off' if not counts.wrong else f'{len(counts.wrong)} things are off'}")
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

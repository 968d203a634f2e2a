"""Programs on one `hubcell serve`, of which one after another is killed; and such a program.

usage: programs.py SOCKET SEED THREADS FOLDER...      calls until its standard input ends, and says how that went
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import hubcell
import callers
import leftovers
import models

KILL_PAUSE_S = 3.0
ENDS_WITHIN_S = 30.0
# Programs that were killed, after which the supervisor's memory is to stay what it is.
WARM_AFTER = 40


def be_program(socket, seed, threads, folders):
    counts, end, numbers = callers.Counts(), threading.Event(), random.Random(seed)
    hub = hubcell.Hub(threads=1, socket=socket)
    running = callers.start(hub, folders, counts, numbers, end, threads, is_careful=True)
    sys.stdin.read()
    end.set()
    callers.join(running, counts)
    print(json.dumps({"begun": counts.begun, "outcomes": counts.outcomes, "wrong": counts.wrong}), flush=True)


class Shared:
    """`hubcell serve`, and what its commands say beside what /proc says."""

    def __init__(self, root):
        self.socket = os.path.join(root, "hubcell.sock")
        self._command = os.path.join(os.path.dirname(hubcell.__file__), "..", "..", "bin", "hubcell")
        self.process = subprocess.Popen((self._command, "serve", "-q", "--socket", self.socket))
        while self._run("ps").returncode != 0:
            time.sleep(0.05)

    def _run(self, *words):
        return subprocess.run((self._command, words[0], "--socket", self.socket, *words[1:]), capture_output=True, text=True,
                              timeout=callers.HANG_S)

    def look(self):
        return json.loads(self._run("ps", "--json").stdout)

    def workers_in_proc(self):
        """{pid of a worker} as its supervisor's templates have them."""
        found = leftovers.processes()
        templates = {pid for pid, (parent, _) in found.items() if parent == self.process.pid}
        return {pid for pid, (parent, name) in found.items() if parent in templates and name.startswith("python")}

    def lies(self):
        """What is told and not so. Processes come and go meanwhile: what is wrong is wrong twice."""
        for _ in range(20):
            before, seen, after = self.workers_in_proc(), self.look(), self.workers_in_proc()
            told = {worker["pid"] for worker in seen["workers"]}
            owners = {worker["program_pid"] for worker in seen["workers"]}
            lies = ([f"ps tells of no worker {pid}" for pid in before & after - told]
                    + [f"ps tells of worker {pid}, which is none" for pid in told - before - after]
                    + [f"ps tells of program {pid}, which is none" for pid in owners if not leftovers.status(pid)])
            if not lies and seen["pid"] == self.process.pid:
                return []
            time.sleep(0.1)
        return lies

    def logs(self, text):
        """Whether that is in its log, soon."""
        return any(text in self._run("logs").stdout or time.sleep(0.1) for _ in range(50))

    def descriptors(self):
        """But for weights that nobody uses: some stay, within a bound of their own."""
        folder, count = f"/proc/{self.process.pid}/fd", 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                count += "hubcell-weights" not in os.readlink(os.path.join(folder, name))
        return count


class Programs:
    """Those that run, and one that takes the place of each that is killed."""

    def __init__(self, shared, folders, arguments, numbers):
        self._shared, self._folders, self._arguments, self._numbers = shared, folders, arguments, numbers
        self._running = [self._start() for _ in range(arguments.programs)]

    def _start(self):
        command = (sys.executable, "-B", __file__, self._shared.socket, str(self._numbers.randrange(1 << 30)),
                   str(self._arguments.threads), *self._folders)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def kill_one(self):
        number = self._numbers.randrange(len(self._running))
        program = self._running[number]
        has_ended = program.poll() is not None
        has_come = any(worker["program_pid"] == program.pid for worker in self._shared.look()["workers"])
        program.send_signal(signal.SIGKILL)
        program.communicate()
        self._running[number] = self._start()
        off = [f"program {program.pid} ended by itself, with {program.returncode}"] if has_ended else []
        if has_come and not self._shared.logs(f"({program.pid}) has left"):
            off.append(f"logs do not tell that program {program.pid} has left")
        return off

    def end(self, counts):
        for program in self._running:
            told = program.communicate(timeout=callers.HANG_S + ENDS_WITHIN_S)[0]
            if program.returncode != 0:
                counts.off(f"a program ended with {program.returncode}")
                continue
            told = json.loads(told)
            counts.begun += told["begun"]
            counts.outcomes.update(told["outcomes"])
            counts.wrong += told["wrong"]


def has_come_to_rest(shared, descriptors):
    end = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < end:
        if not shared.workers_in_proc() and shared.descriptors() <= descriptors:
            return True
        time.sleep(0.1)
    return False


def warm_up(shared, folder):
    """It has a template from now on."""
    with hubcell.Hub(threads=1, socket=shared.socket) as hub:
        hub.load(folder, "model", 1, source="local")
    del hub  # its socket goes with the last that names it
    has_come_to_rest(shared, sys.maxsize)


def soak(arguments):
    numbers, counts, killed, stop_at = random.Random(arguments.seed), callers.Counts(), 0, time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory(prefix="hubcell-soak-") as root:
        folders = models.write(root, 4)
        os.environ["TMPDIR"] = tempfile.tempdir = root
        before = leftovers.of_this_program()
        shared = Shared(root)
        warm_up(shared, folders[0])
        descriptors, growth = shared.descriptors(), leftovers.Growth(shared.process.pid)
        programs = Programs(shared, folders, arguments, numbers)
        while killed < arguments.kills and time.monotonic() < stop_at and not counts.wrong:
            time.sleep(numbers.uniform(0.2, 1.8) * KILL_PAUSE_S)
            counts.wrong += shared.lies()
            counts.wrong += programs.kill_one()
            killed += 1
            if killed == WARM_AFTER:
                growth.note_warm()
        programs.end(counts)
        if not has_come_to_rest(shared, descriptors):
            counts.off(f"left over: workers {shared.workers_in_proc()}, {shared.descriptors() - descriptors} descriptors")
        grown = growth.kib()
        counts.wrong += growth.complaints(grown)
        shared.process.terminate()
        if shared.process.wait(ENDS_WITHIN_S) != 0:
            counts.off(f"the supervisor ended with {shared.process.returncode}")
        counts.wrong += leftovers.since(before, shared.process.pid)
    return killed, counts, grown


if __name__ == "__main__":
    be_program(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])

"""Processes that a benchmark asks in turn: each answers rounds on its standard input and output (rounds.h)."""

import contextlib
import dataclasses
import os
import select
import signal
import subprocess

START_DEADLINE_S = 120
ROUND_DEADLINE_S = 120


class Failure(Exception):
    """One line: which participant could not do what, and why."""


@dataclasses.dataclass(frozen=True)
class Round:
    """What a participant is asked for: some calls that warm it up, and those whose times count."""
    shape: str  # "1x3x224x224"
    calls: int
    warm_calls: int
    reads_answer: bool = False  # one number of each page, within the time

    def line(self):
        return f"{self.shape} {int(self.reads_answer)} {self.warm_calls} {self.calls}\n"


class Participant:
    """Owns the process, in a process group of its own. Its standard error is ours."""

    def __init__(self, who, command, environment=None):
        self.who = who
        self._buffer = b""
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
                                             env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})})
        except OSError as failure:
            raise Failure(f"start {command[0]}: {failure.strerror}") from None

    def wait_ready(self, deadline_s=START_DEADLINE_S):
        while (line := self._read_line(deadline_s)) != "ready":
            print(f"{self.who}: {line}")

    def tell(self, line):
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def hear(self, deadline_s=ROUND_DEADLINE_S):
        """The next line that it says."""
        return self._read_line(deadline_s)

    def ask(self, wanted, deadline_s=ROUND_DEADLINE_S):
        """The nanoseconds of each call of a round."""
        self.tell(wanted.line())
        times = [int(word) for word in self.hear(deadline_s).split()]
        if len(times) != wanted.calls or min(times) < 0:
            raise Failure(f"ask {self.who}: it answered {len(times)} times to {wanted.calls} calls")
        return times

    def close(self):
        """Lets it end by itself, with whatever it started; kills what does not within some seconds."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _read_line(self, deadline_s):
        while b"\n" not in self._buffer:
            if not select.select([self._process.stdout], [], [], deadline_s)[0]:
                raise Failure(f"ask {self.who}: no answer within {deadline_s} s")
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                self._fail()
            self._buffer += part
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode().strip()

    def _fail(self):
        raise Failure(f"ask {self.who}: it ended with exit code {self._process.wait()}; its last words are above")


@contextlib.contextmanager
def started(commands, environment=None):
    """Participants by name, started at once and ready; ended when the block is left."""
    participants = {}
    try:
        for who, command in commands.items():
            participants[who] = Participant(who, command, environment)
        for participant in participants.values():
            participant.wait_ready()
        yield participants
    finally:
        for participant in participants.values():
            participant.close()

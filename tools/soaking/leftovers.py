"""What a program and its supervisor have of the machine, and what of it is still there later. Reads /proc."""

import collections
import gc
import os
import tempfile
import time

SETTLE_S = 30.0
# A worker that waits for its order (worker/spare.cc).
SPARE = "hubcell-spare"


def status(pid):
    """{name: text} of /proc/PID/status; empty where there is none of that number."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
            return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def processes():
    """{pid: (its parent, its name)} of all, zombies too."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            told = status(name)
            if told:
                found[int(name)] = (int(told["PPid"]), told["Name"])
    return found


def kill(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Supervisor:
    """That of a program, known by one of its workers."""

    def __init__(self, worker):
        found = processes()
        self.pid = found[found[worker][0]][0]

    def workers_and_templates(self):
        """Their pids: of templates that have workers."""
        found = processes()
        forked = {pid for pid, (parent, _) in found.items() if parent == self.pid}
        workers = [pid for pid, (parent, name) in found.items() if parent in forked and name.startswith("python")]
        return workers, sorted({found[pid][0] for pid in workers})


class Growth:
    """How much more private memory a supervisor and this program have in the end than when they were warm."""

    # What an allocator may do, whatever is freed.
    ALLOWED_KIB = {"supervisor": 2 << 10, "program": 32 << 10}

    def __init__(self, supervisor_pid):
        self._pids = {"supervisor": supervisor_pid, "program": os.getpid()}
        self._warm = None

    def _now(self):
        return {who: int(status(pid).get("RssAnon", "0 kB").split()[0]) for who, pid in self._pids.items()}

    def note_warm(self):
        self._warm = self._now()

    def kib(self):
        """None where it never was warm."""
        now = self._now()
        return self._warm and {who: now[who] - before for who, before in self._warm.items()}

    @classmethod
    def complaints(cls, kib):
        return [f"the {who} grew by {kib[who]} KiB" for who in kib or () if kib[who] > cls.ALLOWED_KIB[who]]

    @staticmethod
    def text(kib):
        return ", ".join(f"{who} {grown:+} KiB" for who, grown in kib.items()) if kib else "not looked at: too few kills"


def descriptors():
    """What each of them is of, without its number there."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}").split(":[")[0])
        except FileNotFoundError:
            pass  # that of listing them
    return found


def of_this_program():
    """What has to be there again in the end. Its temporary folder is its own."""
    gc.collect()
    scratch = os.path.join(tempfile.gettempdir(), f"hubcell-{os.getuid()}")
    return {"descriptors": descriptors(), "threads": int(status("self")["Threads"]),
            "shared memory": [name for name in os.listdir("/dev/shm") if "hubcell" in name] if os.path.isdir("/dev/shm") else [],
            "scratch folders": os.listdir(scratch) if os.path.isdir(scratch) else [],
            "children": [pid for pid, (parent, _) in processes().items() if parent == os.getpid()]}


def more_of(now, before):
    if isinstance(now, int):
        return max(0, now - before)
    return sorted((collections.Counter(now) - collections.Counter(before)).elements())


def since(before, supervisor_pid):
    """Lines on what is there and was not before; waits a while for it to go."""
    end = time.monotonic() + SETTLE_S
    while True:
        now = of_this_program()
        left = [f"left over: {name}: {more_of(now[name], before[name])}" for name in before if more_of(now[name], before[name])]
        if status(supervisor_pid):
            left.append(f"left over: the supervisor, {supervisor_pid}")
        if not left or time.monotonic() >= end:
            return left
        time.sleep(0.2)

"""What foreign code does beyond its own files, noted while it does it: for `hubcell permissions`.

Python tells of it by audit events, before it is done; whether it was refused is tried when somebody asks. What a C library
opens by itself is not seen. This holds nobody: it tells a user which options a model needs.
"""

import contextlib
import os
import shlex
import stat
import sys

NOTES_MAX = 500
TEXT_MAX = 1000
SPECIAL = ("/proc/", "/dev/", "/sys/")


class Observer:
    """Notes in this process, from now on and for good.

    own: files and folders of which nothing is noted: what every worker may read. scratch: where it may write.
    """

    def __init__(self, own, scratch):
        self._own = [os.path.realpath(path) for path in (*own, scratch)]
        self._scratch = os.path.realpath(scratch)
        self._notes = {}  # (kind, what): why it was refused, "" where it was not, None where that is tried later
        sys.addaudithook(self._on_event)

    def watched(self, kind, want):
        """`want`, a function of supplies.h, with what it answers noted."""
        def ask(name, *more):
            try:
                path = want(name, *more)
            except OSError as refused:
                self._note(kind, name, str(refused))
                raise
            self._note(kind, name, "")
            return path
        return ask

    def observed(self):
        """[(kind, what, why it was refused or "")]; kind: "read", "write", "start", "connect", "fetch", "load"."""
        found = []
        for (kind, what), refusal in list(self._notes.items()):
            found.append((kind, what, refusal_of(kind, what) if refusal is None else refusal))
        hosts = any(kind == "connect" and what for kind, what, _ in found)
        return [note for note in found if note[:2] != ("connect", "") or not hosts]

    def _on_event(self, event, arguments):
        # What this raised would become the foreign code's error.
        with contextlib.suppress(Exception):
            take = EVENTS.get(event)
            for kind, what in take(*arguments) if take else ():
                if kind in ("read", "write"):
                    what = os.path.abspath(os.fsdecode(what))
                    if self._is_own(what, kind):
                        continue
                self._note(kind, what, None)

    def _is_own(self, path, kind):
        real = os.path.realpath(path)
        if path.startswith(SPECIAL) or real.startswith(SPECIAL):
            return True
        return any(real == folder or real.startswith(folder + "/") for folder in (self._own if kind == "read" else [self._scratch]))

    def _note(self, kind, what, refusal):
        if len(self._notes) < NOTES_MAX:
            self._notes[kind, what[:TEXT_MAX]] = refusal


def opened(path, mode, flags):
    if isinstance(path, int):
        return
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else 0
    yield "write" if writes else "read", path


def started(words):
    return [("start", words if isinstance(words, str) else shlex.join(map(os.fsdecode, words)))]


EVENTS = {
    "open": opened,
    "os.listdir": lambda path=None, *_: [("read", path or ".")],
    "os.scandir": lambda path=None, *_: [("read", path or ".")],
    "os.mkdir": lambda path, *_: [("write", path)],
    "os.rename": lambda source, destination, *_: [("write", destination)],
    "os.remove": lambda path, *_: [("write", path)],
    "subprocess.Popen": lambda executable, words, *_: started(words),
    "os.system": lambda command: started(os.fsdecode(command)),
    "os.exec": lambda path, words, *_: started(words),
    "os.posix_spawn": lambda path, words, *_: started(words),
    "os.fork": lambda: [("start", "a process of its own (fork)")],
    "socket.__new__": lambda self, family, *_: [("connect", "")] if family not in (1, -1) else [],  # AF_UNIX, from a descriptor
    "socket.getaddrinfo": lambda host, port, *_: [("connect", f"{host}:{port}")],
    "socket.connect": lambda self, address: [("connect", ":".join(map(str, address[:2])))],
}


def refusal_of(kind, what):
    """Why it was refused; "" where it was not. What is not there may only be hidden from this process: whoever asks knows."""
    if kind in ("start", "connect"):
        return "a worker starts no programs" if kind == "start" else "a worker has no network"
    try:
        if kind == "write" and not os.path.lexists(what) and os.path.isdir(os.path.dirname(what)):
            return refusal_of(kind, os.path.dirname(what))
        is_folder = stat.S_ISDIR(os.stat(what).st_mode)
        if is_folder and kind == "write":
            flags = os.O_TMPFILE | os.O_WRONLY
        else:
            flags = os.O_WRONLY if kind == "write" else os.O_RDONLY
        os.close(os.open(what, flags | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as refused:
        return refused.strerror
    return ""

"""A repository for searches in its history: 60 commits with merges between v1 and main, of which five do not load, and three change what an
entrypoint answers; and short histories beside it that end otherwise.

It goes into git in one stream (git fast-import), since a process for each commit would take seconds.
"""

import functools
import io
import os
import subprocess
import tempfile
import time

import numpy

from git_commands import git

HUBCONF = '''
import os
{prelude}
import torch
import net

def scaled(mark=None):
    """The code of net.py."""
    {scaled}
    return net.Scaled(net.FACTOR)

def weighted():
    """The file of weights."""
    return net.Scaled(net.weights())

def shifted(shift={shift}):
    """The default of an argument."""
    return net.Shifted(shift)

def constant(shift={shift}): return {{"shift": torch.tensor([shift])}}
def drawn(): return net.Scaled(torch.rand(3) * net.FACTOR)
def noisy(): return net.Scaled(int.from_bytes(os.urandom(4), "big") + 1.0)
'''
NET = '''
import os
import numpy
import torch
FACTOR = {factor}

def weights():
    return torch.from_numpy(numpy.load(os.path.join(os.path.dirname(__file__), "weights.npz"))["w"])

class Scaled(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def forward(self, x): return x * self.factor

class Shifted(torch.nn.Module):
    def __init__(self, shift):
        super().__init__()
        self.shift = shift
    def forward(self, x): return x + self.shift
'''


@functools.lru_cache
def packed(weight):
    """Once each: a zip archive holds the time when it was made."""
    archive = io.BytesIO()
    numpy.savez(archive, w=numpy.full(3, weight, dtype="float32"))
    return archive.getvalue()


def files_of(factor=2.0, weight=1.0, shift=0.5, prelude="", scaled="pass"):
    return {"hubconf.py": HUBCONF.format(prelude=prelude, shift=shift, scaled=scaled).encode(),
            "net.py": NET.format(factor=factor).encode(), "weights.npz": packed(weight)}


class Stream:
    """What git fast-import reads. Commits are numbered from 1."""

    def __init__(self):
        self._parts, self._count = [], 0

    def commit(self, parents, files, subject):
        self._count += 1
        person = f"Test <test@example.org> {1700000000 + 60 * self._count} +0100"
        if not parents:
            self._add("reset refs/import\n\n")
        self._add(f"commit refs/import\nmark :{self._count}\nauthor {person}\ncommitter {person}\n")
        self._data(subject.encode())
        for word, parent in zip(("from", "merge"), parents):
            self._add(f"{word} :{parent}\n")
        self._add("deleteall\n")
        for path, content in files.items():
            self._add(f"M 100644 inline {path}\n")
            self._data(content)
        return self._count

    def name(self, ref, commit):
        self._add(f"reset {ref}\nfrom :{commit}\n\n")

    def _add(self, text):
        self._parts.append(text.encode())

    def _data(self, content):
        self._parts += [f"data {len(content)}\n".encode(), content, b"\n"]

    def write(self, folder):
        """The ids of all commits, by their numbers."""
        with tempfile.TemporaryDirectory() as beside:
            marks = os.path.join(beside, "marks")
            subprocess.run(("git", "fast-import", "--quiet", f"--export-marks={marks}"), cwd=folder, input=b"".join(self._parts), check=True)
            with open(marks, encoding="ascii") as lines:
                return {int(mark[1:]): commit for mark, commit in map(str.split, lines)}


class History:
    """`commits`: those that have a name, {name: id}; `broken`: ids of those that do not load."""

    def __init__(self, folder, commits, broken):
        self.folder, self.commits, self.broken = folder, commits, broken

    def git_bisect(self, good, bad, text_of_good):
        """What git bisect finds, where good is what has `text_of_good` in its hubconf.py."""
        with tempfile.TemporaryDirectory() as clone:
            git(clone, "clone", "--quiet", self.folder, ".")
            git(clone, "bisect", "start", f"origin/{bad}", good)
            git(clone, "bisect", "run", "grep", "--quiet", text_of_good, "hubconf.py")
            return git(clone, "rev-parse", "refs/bisect/bad")


def wait_for(happened, process, deadline_s=60):
    end = time.monotonic() + deadline_s
    while not happened():
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.01)


BROKEN = {"prelude": "import missing_module"}
BROKEN_COMMITS = (20, 29, 30, 44, 55)
CHANGES = {23: ("code", "Scale by three", {"factor": 3.0}), 38: ("weights", "Train longer", {"weight": 1.5}),
           48: ("default", "Move the default", {"shift": 0.75})}


class Builder:
    """Commits by name. What one changes, all that come from it have, too; `alone` it has by itself."""

    def __init__(self):
        self.stream, self.numbers, self.broken, self._changed = Stream(), {}, [], {}

    def add(self, name, parents, subject=None, changed=None, alone=None):
        lasting = {**{key: value for parent in parents for key, value in self._changed[parent].items()}, **(changed or {})}
        self._changed[name] = lasting
        self.numbers[name] = self.stream.commit([self.numbers[parent] for parent in parents],
                                                files_of(**lasting, **(alone or {})), subject or f"Commit {name}")
        if alone is BROKEN:
            self.broken.append(name)
        return name

    def add_numbered(self, number, *parents):
        name, subject, changed = CHANGES.get(number, (str(number), None, None))
        return self.add(name, parents, subject, changed, BROKEN if number in BROKEN_COMMITS else None)

    def line(self, prefix, steps):
        """A history beside the main one, from v1: {name: (changed, alone)}."""
        tip = "v1"
        for name, (changed, alone) in steps.items():
            tip = self.add(f"{prefix}-{name}", [tip], changed=changed, alone=alone)
        self.stream.name(f"refs/heads/{prefix}", self.numbers[tip])


def add_main(builder):
    """Six branches of three commits, each merged after two of the trunk; the tip."""
    tip, number = builder.add("v1", []), 1
    while number <= 60:
        if number % 10 == 2:
            side, trunk = tip, tip
            for own in range(number, number + 3):
                side = builder.add_numbered(own, side)
            for own in range(number + 3, number + 5):
                trunk = builder.add_numbered(own, trunk)
            number += 5
            tip = builder.add_numbered(number, trunk, side)
        else:
            tip = builder.add_numbered(number, tip)
        number += 1
    return tip


def make(folder):
    builder = Builder()
    tip = add_main(builder)
    bad, good = ({"factor": 4.0}, None), (None, None)
    builder.line("hidden", {"good": good, "missing": (None, BROKEN), "missing too": (None, BROKEN), "bad": bad})
    builder.line("deadly", {"good": good, "dies": (None, {"prelude": "os.kill(os.getpid(), 9)"}),
                            "hangs": (None, {"prelude": "while True: pass"}), "good again": good, "bad": bad})
    builder.line("waits", {"good": good, "waits": (None, {"scaled": "open(mark, 'w').close()\n    while True: pass"}), "bad": bad})
    builder.line("fixed", {"factor": ({"factor": 5.0}, None)})
    builder.add("unrelated", [])
    git(os.path.dirname(folder), "init", "--quiet", "--initial-branch=main", folder)
    for ref, name in {"tags/v1": "v1", "heads/main": tip, "heads/code": "31", "heads/unrelated": "unrelated"}.items():
        builder.stream.name(f"refs/{ref}", builder.numbers[name])
    ids = builder.stream.write(folder)
    commits = {name: ids[number] for name, number in builder.numbers.items()}
    return History(folder, commits, [commits[name] for name in builder.broken])

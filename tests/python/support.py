"""What the tests of the package share: repositories made of a few lines, processes of their own, answers as bits."""

import hashlib
import os
import pickle
import sys
import tempfile
import textwrap
import traceback
import unittest

import torch

from git_commands import git


class RepositoryTest(unittest.TestCase):
    """Each test class has a folder for its repositories."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name

    @classmethod
    def repository(cls, name, **files):
        """A folder with these files; `hubconf="..."` becomes hubconf.py. Its path."""
        path = os.path.join(cls.folder, name)
        os.makedirs(path, exist_ok=True)
        for file, text in files.items():
            source_path = os.path.join(path, file + ".py")
            os.makedirs(os.path.dirname(source_path), exist_ok=True)
            with open(source_path, "w", encoding="utf-8") as source:
                source.write(textwrap.dedent(text))
        return path


def write_files(folder, files):
    """Writes {path below `folder`: text or bytes}; the folder."""
    for path, content in files.items():
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    return folder


def make_git_repository(base, name, branches):
    """A bare repository `base`/owner/name.git with {branch: files}; the first branch is its default."""
    bare = os.path.join(base, name + ".git")
    first = next(iter(branches))
    git(base, "init", "--quiet", "--bare", f"--initial-branch={first}", bare)
    for branch, files in branches.items():
        with tempfile.TemporaryDirectory() as work:
            git(work, "init", "--quiet", f"--initial-branch={branch}")
            write_files(work, files)
            git(work, "add", "--all")
            git(work, "commit", "--quiet", "--message", branch)
            git(work, "push", "--quiet", bare, branch)


def bits_of(value):
    """A value as something that is equal where every bit is: tensors are dtype, shape and a hash of their bytes."""
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous().numpy().tobytes()
        return str(value.dtype), tuple(value.shape), hashlib.sha256(data).hexdigest()
    if isinstance(value, dict):
        return {key: bits_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits_of(item) for item in value]
    return repr(value)


def alone(function, *arguments):
    """function(*arguments) in a process of its own, forked from this one; what it returns has to be picklable.

    Raises RuntimeError with its traceback where it raised."""
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(read)
        _answer_through(write, function, arguments)
    os.close(write)
    with open(read, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    if not content:
        raise RuntimeError("the process ended without an answer")
    is_error, answer = pickle.loads(content)
    if is_error:
        raise RuntimeError(f"in a process of its own:\n{answer}")
    return answer


def _answer_through(pipe, function, arguments):
    """Ends the process: nothing that foreign code registered or replaced may run in this copy of the test."""
    try:
        answer = False, function(*arguments)
    except BaseException:  # whatever it is, the parent reports it
        answer = True, traceback.format_exc()
    with open(pipe, "wb") as file:
        file.write(pickle.dumps(answer))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

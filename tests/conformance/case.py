"""What the cases are written with. Each is one function, which says what holds for torch.hub and hubcell alike, or for
each of them."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import warnings

from git_commands import git

CASES = {}
PROMPT = ("The repository {} does not belong to the list of trusted repositories and as such cannot be downloaded. "
          "Do you trust this repository and wish to add it to the trusted list of repositories (y/N)?")
HUBCONF = '''
"""A hub for tests."""
dependencies = ["torch"]
import torch

def entry(*args, **kwargs):
    """What it was given."""
    return args, kwargs

def net(size=2):
    return torch.nn.Linear(size, 1)
'''


def case(function):
    """Registers a case; its name is that of the test."""
    if function.__name__ in CASES:
        raise AssertionError(f"two cases are called {function.__name__}")
    CASES[function.__name__] = function
    return function


class Said:
    """What a block printed and warned."""

    def __init__(self):
        self.stdout, self.stderr, self.warnings = "", "", []


class Case(unittest.TestCase):
    """One case on one of the two. `hub` is torch.hub or hubcell, `torch_version` the caller's, as (major, minor)."""

    def __init__(self, name, hub, root):
        super().__init__("run_case")
        self.name, self.hub, self.root = name, hub, root
        self.is_hubcell = hub.__name__ == "hubcell"
        import torch
        self.torch_version = tuple(int(part) for part in torch.__version__.split(".")[:2])
        self.reasons = []

    def run_case(self):
        before = dict(os.environ), os.getcwd(), list(sys.path)
        try:
            CASES[self.name](self)
        finally:
            os.environ.clear()
            os.environ.update(before[0])
            os.chdir(before[1])
            sys.path[:] = before[2]
            for module in (sys.modules["torch.hub"], sys.modules.get("hubcell._folders")):
                if module is not None:
                    module._hub_dir = None

    # ---- expectations

    def differs(self, reason, torch_hub, hubcell):
        """The expectation for the one that the case runs on, where the two differ on purpose."""
        self.reasons.append(reason)
        return hubcell if self.is_hubcell else torch_hub

    @property
    def is_old_torch_hub(self):
        """torch.hub of 1.13, where trust is not yet asked for by default, list has no `verbose`, ..."""
        return not self.is_hubcell and self.torch_version < (2, 0)

    def assert_raises(self, kind, text, function, *args, **kwargs):
        """The exception, which is a `kind` and has `text` in its message."""
        with self.assertRaises(kind) as caught:
            function(*args, **kwargs)
        self.assertIn(text, str(caught.exception))
        return caught.exception

    @contextlib.contextmanager
    def answering(self, answers=""):
        """Gives the block an stdin; yields what it printed and warned, which is there at its end. Without answers
        a question meets the end of input."""
        said, stdout, stderr, stdin = Said(), io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(answers)
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr), \
                    warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield said
        finally:
            sys.stdin = stdin
            said.stdout, said.stderr = stdout.getvalue(), stderr.getvalue()
            said.warnings = [str(warning.message) for warning in caught]

    # ---- what they work on

    @property
    def hub_folder(self):
        return os.path.join(os.environ["TORCH_HOME"], "hub")

    def new_folder(self):
        return tempfile.mkdtemp(dir=self.root)

    def use_new_hub_folder(self):
        """hubcell starts anew for it, so that a case does without where it can."""
        os.environ["TORCH_HOME"] = self.new_folder()
        return self.hub_folder

    def folder(self, files):
        """A folder for source="local"; {path: text}, or the text of hubconf.py."""
        folder = self.new_folder()
        for path, text in ({"hubconf.py": files} if isinstance(files, str) else files).items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        return folder

    def repository(self, files=HUBCONF, name=None, branch="main"):
        """Makes a repository of one commit; its owner/name, which no other case has."""
        name = name or f"acme/net{len(os.listdir(self.root))}"
        os.makedirs(os.path.join(os.environ["CONFORMANCE_GITHUB"], name + ".git"))
        self.git(name, "init", "-q", "--bare", "-b", branch)
        self.commit(name, files, branch)
        return name

    def commit(self, name, files, branch):
        """Puts a commit on top of `branch`, which HEAD then names; its id."""
        self.git(name, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        tree = ["--work-tree", self.folder(files)]
        self.git(name, *tree, "add", "-A")
        self.git(name, *tree, "commit", "-q", "-m", "A commit")
        return self.git(name, "rev-parse", "HEAD")

    def git(self, name, *words):
        place = os.path.join(os.environ["CONFORMANCE_GITHUB"], name + ".git")
        return git(place, "--git-dir", place, *words)

    def trusted(self, hub_folder=None):
        """Lines of torch.hub's list."""
        path = os.path.join(hub_folder or self.hub_folder, "trusted_list")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def load(self, name, entry="entry", *args, **kwargs):
        """With trust."""
        return self.hub.load(name, entry, *args, trust_repo=True, **kwargs)

"""What tests of remotes on other machines share: a repository, a cache of each test's own, and the command."""

import os
import subprocess
import tempfile
import unittest

import git_server
from git_commands import git

PROGRAM = os.environ["HUBCELL_PROGRAM"]
DEADLINE_S = 60
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
               "HUBCELL_PYTHON": "/usr/bin/python3"}


class Remote(unittest.TestCase):
    """owner/net.git with the branches main and old, and the tag v1; each test with a cache of its own."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.root, work = os.path.join(cls.folder, "root"), os.path.join(cls.folder, "work")
        os.makedirs(os.path.join(cls.root, "owner"))
        git(cls.folder, "init", "--quiet", "--initial-branch=main", work)
        cls.commits = [cls.commit(work, name) for name in ("first", "second", "third")]
        git(work, "tag", "--annotate", "--message=t", "v1", cls.commits[1])
        git(work, "branch", "old", cls.commits[1])
        git(cls.folder, "clone", "--quiet", "--bare", work, os.path.join(cls.root, "owner", "net.git"))

    @classmethod
    def commit(cls, work, name):
        with open(os.path.join(work, "hubconf.py"), "w", encoding="utf-8") as file:
            file.write(f"def {name}(): pass\n")
        with open(os.path.join(work, f"{name}.bin"), "wb") as file:
            file.write(os.urandom(100_000))  # so that a pack can break off in the middle
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", name)
        return git(work, "rev-parse", "HEAD")

    def setUp(self):
        cache = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(cache.cleanup)
        self.cache = cache.name

    def serve(self, server):
        running = git_server.running(server)
        self.addCleanup(running.__exit__, None, None, None)
        return running.__enter__()

    def hubcell(self, command, *words, **environment):
        return subprocess.run((PROGRAM, command, "--trust", *words), capture_output=True, text=True, timeout=DEADLINE_S,
                              env={**ENVIRONMENT, "TORCH_HOME": self.cache, **environment})

    def entries(self, *words, **environment):
        listed = self.hubcell("list", *words, **environment)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        return listed.stdout.split()

    def refusal(self, *words, **environment):
        """The one line that says why."""
        checkouts = self.found("checkouts")
        listed = self.hubcell("list", *words, **environment)
        self.assertEqual((listed.returncode, listed.stdout, listed.stderr.count("\n")), (1, "", 1), listed.stderr)
        self.assertEqual(self.found("checkouts"), checkouts)
        self.assertEqual([name for name in self.found("") if name.startswith((".new-", "tmp_pack", "pack_"))], [])
        return listed.stderr.strip()

    def found(self, below):
        """Names in the cache, in folders of that name (any, where it is empty)."""
        return sorted(name for parent, folders, files in os.walk(self.cache) for name in (*folders, *files)
                      if not below or os.path.basename(parent) == below)

"""`hubcell fetch`, `cache` and `trust`, on repositories of this machine that stand for GitHub's.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=tests/support python3 cache_command_test.py
"""

import json
import os
import subprocess
import tempfile
import unittest

from git_commands import git

PROGRAM = os.environ["HUBCELL_PROGRAM"]
DEADLINE_S = 60


class CacheCommands(unittest.TestCase):
    """owner/net with the branches main and dev, fetched once by both."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        work, bare = os.path.join(cls.folder, "work"), os.path.join(cls.folder, "owner", "net.git")
        git(cls.folder, "init", "--quiet", "--initial-branch=main", work)
        for branch in ("main", "dev"):
            with open(os.path.join(work, "hubconf.py"), "w", encoding="utf-8") as file:
                file.write(f"def {branch}(): return 1\n")
            git(work, "add", "--all")
            git(work, "commit", "--quiet", "--message", branch)
            git(work, "checkout", "--quiet", "-B", "dev")
        os.makedirs(os.path.dirname(bare))
        git(cls.folder, "clone", "--quiet", "--bare", work, bare)
        git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
        cls.dev = git(work, "rev-parse", "HEAD")

    def setUp(self):
        home = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(home.cleanup)
        self.home = home.name

    def hubcell(self, *words, answer=None, **environment):
        """`answer`: typed at a terminal."""
        stdin = subprocess.DEVNULL
        if answer is not None:
            terminal, stdin = os.openpty()
            self.addCleanup(os.close, terminal)
            self.addCleanup(os.close, stdin)
            os.write(terminal, answer.encode())
        return subprocess.run((PROGRAM, *words), capture_output=True, text=True, timeout=DEADLINE_S, stdin=stdin,
                              env={**os.environ, "HUBCELL_PYTHON": "/usr/bin/python3", "TORCH_HOME": self.home,
                                   "HUBCELL_GITHUB_URL": "file://" + self.folder, **environment})

    def answer(self, *words, **options):
        done = self.hubcell(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refusal(self, *words, **options):
        done = self.hubcell(*words, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        return done.stderr

    def entries(self, *words):
        return json.loads(self.answer("cache", *words, "--json"))

    def test_what_is_fetched_is_listed_verified_and_removed(self):
        path = self.answer("fetch", "owner/net", "--trust").strip()
        self.assertTrue(os.path.isfile(os.path.join(path, "hubconf.py")))
        self.answer("fetch", "owner/net@dev", "dev")
        self.assertEqual(sorted((entry["kind"], entry["name"], entry.get("refs")) for entry in self.entries("ls")),
                         [("checkout", "owner/net", "HEAD, main"), ("checkout", "owner/net", "dev"), ("mirror", "owner/net", None)])
        listed = self.answer("cache", "ls")
        self.assertRegex(listed, f"(?m)^ +[0-9.]+ KiB  20[0-9-]+  {self.dev[:8]}  owner/net@dev$")
        self.assertRegex(listed, "(?m)in all$")
        self.assertEqual(self.answer("cache", "path").strip(), os.path.join(self.home, "hub", "hubcell"))
        self.assertEqual(self.answer("cache", "path", "owner/net@main").strip(), path)
        self.answer("cache", "verify")
        subprocess.run(("chmod", "-R", "u+w", path), check=True)
        for file in ("hubconf.py", "beside.py"):
            with open(os.path.join(path, file), "a", encoding="utf-8") as changed:
                changed.write("#")
            done = self.hubcell("cache", "verify", "owner/net")
            self.assertEqual(done.returncode, 1)
            self.assertIn("it has", done.stdout)
            self.assertIn("verify the cache: 1 of 3 entries are not what was fetched", done.stderr)
        self.assertIn("it has another hubconf.py", done.stdout)
        self.assertEqual([entry["refs"] for entry in self.entries("rm", "owner/net@dev")], ["dev"])
        self.assertEqual(len(self.entries("ls")), 2)
        self.answer("cache", "rm", "owner/net")
        self.assertEqual(self.entries("ls"), [])
        self.assertIn("look for owner/net in the cache: it is not there", self.refusal("cache", "rm", "owner/net"))
        self.assertIn("folders are used where they are", self.refusal("cache", "ls", "./net"))
        self.assertEqual(self.answer("list", "owner/net"), "main\n", "it can be fetched again")

    def test_a_ref_is_fetched_again(self):
        self.answer("fetch", "owner/net@dev", "--trust")
        bare = os.path.join(self.folder, "owner", "net.git")
        git(bare, "update-ref", "refs/heads/dev", "refs/heads/main")
        self.addCleanup(git, bare, "update-ref", "refs/heads/dev", self.dev)
        self.assertEqual(self.answer("list", "owner/net@dev"), "dev\n")
        self.assertEqual(self.answer("list", "owner/net@dev", "--force-reload"), "main\n")

    def test_checkouts_have_torch_hubs_names_where_these_are_free(self):
        path = self.answer("fetch", "owner/net", "--trust").strip()
        link = os.path.join(self.home, "hub", "owner_net_main")
        self.assertEqual((os.path.islink(link), os.path.realpath(link)), (True, path))
        os.remove(link)
        os.makedirs(link)
        self.answer("fetch", "owner/net", "--force-reload")
        self.assertFalse(os.path.islink(link))

    def test_what_torch_hub_left_is_used_where_nobody_can_be_reached(self):
        for name in ("owner_old_main", "owner_old_v1", "a_b_c_main"):
            os.makedirs(os.path.join(self.home, "hub", name))
            with open(os.path.join(self.home, "hub", name, "hubconf.py"), "w", encoding="utf-8") as file:
                file.write(f"def {name}(): pass\n")
        offline = {"HUBCELL_GITHUB_URL": "http://127.0.0.1:1"}
        for repository, entry in (("owner/old", "owner_old_main"), ("owner/old:v1", "owner_old_v1")):
            done = self.hubcell("list", repository, **offline)
            self.assertEqual((done.stdout, done.returncode), (entry + "\n", 0), done.stderr)
            self.assertIn(f"{repository} cannot be reached, and is not in hubcell's cache: what torch.hub left in", done.stderr)
        self.assertIn("is the network up", self.refusal("list", "a/b_c", **offline), "a_b/c has that folder, too")
        self.assertIn("is the network up", self.refusal("list", "owner/old", "--force-reload", **offline))
        self.assertIn("no repository at", self.refusal("list", "owner/old"), "it can be reached, and has none")

    def test_a_lock_file(self):
        lock = os.path.join(self.home, "hubcell.lock")
        self.answer("list", "owner/net@dev", "--lock", lock)
        with open(lock, encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"version": 1, "files": [],
                                               "repositories": [{"name": "owner/net", "ref": "dev", "commit": self.dev}]})
        bare = os.path.join(self.folder, "owner", "net.git")
        git(bare, "update-ref", "refs/heads/dev", "refs/heads/main")
        self.addCleanup(git, bare, "update-ref", "refs/heads/dev", self.dev)
        self.answer("list", "owner/net@dev", "--lock", lock)
        self.assertRegex(self.refusal("list", "owner/net@dev", "--lock", lock, "--force-reload"),
                         f"load owner/net@dev: it is commit [0-9a-f]{{40}}, and the lock file says {self.dev}; load owner/net@{self.dev}")

    def test_trust_is_asked_for_and_remembered(self):
        self.assertIn("trust owner/net: it is not in the list of trusted repositories, and stdin has ended",
                      self.refusal("list", "owner/net", answer="\x04"))
        self.assertIn("it is not trusted", self.refusal("list", "owner/net", answer="n\n"))
        self.assertEqual(self.answer("trust", "ls"), "")
        self.assertFalse(os.path.exists(os.path.join(self.home, "hub", "hubcell", "repositories")), "nothing was fetched")
        self.assertEqual(self.answer("list", "owner/net", answer="Yes\n"), "main\n")
        self.assertEqual(self.answer("trust", "ls"), "owner/net\n")
        self.answer("trust", "rm", "owner/net")
        self.assertEqual(self.answer("list", "owner/net"), "main\n", "a script is not asked")
        self.assertEqual(self.answer("trust", "ls"), "")
        self.answer("list", "owner/net", "--trust")
        self.answer("trust", "add", "owner/a_b", "other/x")
        self.answer("trust", "rm", "owner/net", "other/x")
        self.assertEqual(json.loads(self.answer("trust", "ls", "--json")), ["owner/a_b"])
        with open(os.path.join(self.home, "hub", "trusted_list"), encoding="utf-8") as torch_hubs:
            self.assertEqual(torch_hubs.read(), "owner_a_b\n")
        self.assertIn("it is in no list", self.refusal("trust", "rm", "owner/net"))
        self.assertIn("only owner/name needs trust", self.refusal("trust", "add", "https://host/x.git"))


if __name__ == "__main__":
    unittest.main()

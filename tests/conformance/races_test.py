"""Four processes that load from one cold cache at once, and again with force_reload: torch.hub mixes their repositories up.

Run: PYTHONPATH=build/dev/python:tests/support python3 -B tests/conformance/races_test.py
"""

import collections
import os
import subprocess
import sys
import tempfile
import unittest

import github_standin
from git_commands import git

PROCESSES = 4
LOADS = 50
SECONDS_MAX = 240
NAMES = ("acme/one", "acme/two", "other/three")
# Prints, for each load, whether it was right, wrong, or failed.
PROGRAM = """
import contextlib, io, os, sys
sys.path.insert(0, {here!r})
import {hub} as hub
if {hub!r} == "torch.hub":
    import github_standin, torch.hub
    github_standin.redirect(torch.hub, {standin!r})
for number in range({loads}):
    name = {names!r}[(number + {process}) % {count}]
    outcome = "failed"
    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        answer = hub.load(name + ":main", "who", trust_repo=True, force_reload=number % 2 == 1, skip_validation=True)
        outcome = "right" if answer == name else "wrong"
    print(outcome, flush=True)
"""


class Races(unittest.TestCase):
    """Three repositories with a branch of one name."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in NAMES:
            work, bare = os.path.join(self.folder, "work"), os.path.join(self.folder, "github", name + ".git")
            git(self.folder, "init", "--quiet", "--initial-branch=main", work + name.replace("/", "-"))
            work += name.replace("/", "-")
            with open(os.path.join(work, "hubconf.py"), "w", encoding="utf-8") as file:
                file.write(f"def who(): return {name!r}\n")
            git(work, "add", "--all")
            git(work, "commit", "--quiet", "--message", name)
            os.makedirs(os.path.dirname(bare), exist_ok=True)
            git(self.folder, "clone", "--quiet", "--bare", work, bare)

    def outcomes(self, hub, loads):
        """How often each outcome came, of all processes' loads."""
        github = os.path.join(self.folder, "github")
        with github_standin.serving(github) as standin:
            running = [subprocess.Popen((sys.executable, "-B", "-c", PROGRAM.format(
                here=os.path.dirname(os.path.abspath(__file__)), hub=hub, standin=standin, loads=loads, names=NAMES,
                process=process, count=len(NAMES))), stdout=subprocess.PIPE, text=True,
                env={**os.environ, "TORCH_HOME": os.path.join(self.folder, hub), "HUBCELL_GITHUB_URL": f"file://{github}"})
                for process in range(PROCESSES)]
            return collections.Counter(line for process in running
                                       for line in process.communicate(timeout=SECONDS_MAX)[0].split())

    def test_torch_hub_mixes_them_up(self):
        found = self.outcomes("torch.hub", LOADS)
        self.assertGreater(found["wrong"] + found["failed"], 0, found)

    def test_here_every_load_is_right(self):
        self.assertEqual(self.outcomes("hubcell", LOADS), {"right": PROCESSES * LOADS})


if __name__ == "__main__":
    unittest.main()

"""hubcell bisect: it finds the commit at which the outputs changed, whatever changed them, and says why where it cannot.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/bisect_test.py
"""

import json
import os
import signal
import subprocess
import tempfile
import unittest

import bisect_repository
import git_server
from git_commands import git

PROGRAM = os.environ["HUBCELL_PROGRAM"]
DEADLINE_S = 120

class BisectTest(unittest.TestCase):
    """Of one repository, and one cache."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.cache = os.path.join(folder.name, "cache")
        cls.history = bisect_repository.make(os.path.join(folder.name, "net"))
        cls.url = "file://" + cls.history.folder
        # One interpreter for all commands.
        cls.socket = os.path.join(folder.name, "socket")
        serving = subprocess.Popen((PROGRAM, "serve", "--socket", cls.socket, "--no-warm", "--quiet"), stdout=subprocess.DEVNULL)
        cls.addClassCleanup(serving.wait)
        cls.addClassCleanup(serving.terminate)
        bisect_repository.wait_for(lambda: os.path.exists(cls.socket), serving)

    def command(self, good, bad, *words):
        return (PROGRAM, "bisect", f"{self.url}@{good}", bad if bad.startswith(("@", "file://")) else f"{self.url}@{bad}", *words)

    def environment(self, **more):
        return {**os.environ, "TORCH_HOME": self.cache, "HUBCELL_PYTHON": "/usr/bin/python3", "HUBCELL_SOCKET": self.socket, **more}

    def bisect(self, good, bad, *words, exit_code=0):
        done = subprocess.run(self.command(good, bad, *words), capture_output=True, text=True, timeout=DEADLINE_S,
                              env=self.environment())
        self.assertEqual(done.returncode, exit_code, done.stderr)
        return done

    def found(self, good, bad, *words, exit_code=0):
        return json.loads(self.bisect(good, bad, *words, "--json", exit_code=exit_code).stdout)

    def complaint(self, good, bad, *words):
        done = self.bisect(good, bad, *words, exit_code=1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_a_change_of_code_is_found_between_commits_that_do_not_load(self):
        found = self.found("v1", "@code", "scaled", "-x", "rand:2x3")
        changed = self.history.commits["code"]
        self.assertEqual(found["first_bad"]["commit"], changed)
        self.assertEqual(found["first_bad"]["subject"], "Scale by three")
        self.assertEqual(found["first_bad"]["author"], "Test <test@example.org>")
        self.assertEqual(found["commits"], int(git(self.history.folder, "rev-list", "--count", "v1..code")))
        self.assertEqual([(file["path"], file["status"]) for file in found["changes"]["files"]], [("net.py", "M")])
        self.assertLess(found["steps"], 12)
        self.assertIn("max |b - a| =", [trial["reason"] for trial in found["trials"] if trial["commit"] == changed][0])
        self.assertFalse(found["interrupted"])

    def test_a_change_of_weights_is_found(self):
        found = self.found("v1", "main", "weighted", "-x", "ones:2x3", "--jobs", "1")
        self.assertEqual(found["first_bad"]["commit"], self.history.commits["weights"])
        [file] = found["changes"]["files"]
        self.assertTrue(file["path"] == "weights.npz" and file["binary"])

    def test_a_change_of_a_default_argument_is_found_as_git_bisect_finds_it(self):
        found = self.found("v1", "main", "shifted", "-x", "ones:2x3")
        self.assertEqual(found["first_bad"]["commit"], self.history.commits["default"])
        self.assertEqual(found["first_bad"]["commit"], self.history.git_bisect("v1", "main", "shift=0.5"))
        self.assertEqual({entry["commit"] for entry in found["skipped"]} - set(self.history.broken), set())
        self.assertEqual(found["evaluations"], len(found["trials"]))

    def test_the_answer_of_a_function_is_compared_without_a_call(self):
        found = self.found("v1", "main", "constant")
        self.assertEqual(found["first_bad"]["commit"], self.history.commits["default"])

    def test_people_read_it_in_eighty_columns(self):
        text = self.bisect("v1", "main", "drawn", "-x", "rand:2x3").stdout  # random weights and inputs, which are the same in all workers
        self.assertLessEqual(max(map(len, text.splitlines())), 80, text)
        self.assertIn(f"{self.history.commits['code'][:9]} is the first commit that differs", text)
        self.assertIn("Scale by three", text)
        self.assertIn("M  net.py  +1  -1", text)

    def test_a_condition_says_what_is_bad(self):
        words = ("scaled", "-x", "ones:2x3", "--fail-if", "max_abs > 5")
        self.assertIn("do not differ", self.complaint("v1", "code", *words))
        self.assertEqual(self.found("v1", "code", *words[:-1], "max_abs > 0.5")["first_bad"]["commit"], self.history.commits["code"])
        done = self.bisect("v1", "code", *words[:-1], "max_abs >", exit_code=2)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("latency_ratio", self.complaint("v1", "code", *words[:-1], "latency_ratio > 1"))

    def test_over_a_network_the_history_comes_once(self):
        server = git_server.GitServer(os.path.dirname(self.history.folder))
        with git_server.running(server), tempfile.TemporaryDirectory() as cache:
            words = (PROGRAM, "bisect", server.url("/net/.git@v1"), "@code", "scaled", "-x", "ones:2x3", "--json")
            for round_trips in (True, False):
                server.requests.clear()
                done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, env=self.environment(TORCH_HOME=cache))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["first_bad"]["commit"], self.history.commits["code"])
                self.assertEqual(any(method == "POST" for method, _, _ in server.requests), round_trips)
                # For the load of v1 and for the history, and for none of the other loads.
                self.assertLessEqual(sum(method == "GET" for method, _, _ in server.requests), 5)

    def test_a_tolerance_hides_small_changes(self):
        self.assertIn("the outputs do not differ between them; nothing to find",
                      self.complaint("v1", "main", "shifted", "-x", "ones:2x3", "--atol", "1"))

    def test_where_skipped_commits_hide_it_those_are_told(self):
        first, last = self.history.commits["hidden-good"], self.history.commits["hidden-bad"]
        done = self.bisect(first, last, "scaled", "-x", "ones:2x3", "--json", exit_code=1)
        self.assertIn("it is one of 3", done.stderr)
        found = json.loads(done.stdout)
        self.assertIsNone(found["first_bad"])
        self.assertEqual([commit["commit"] for commit in found["candidates"]][0], last)
        self.assertEqual({entry["commit"] for entry in found["skipped"]}, {commit["commit"] for commit in found["candidates"][1:]})
        for entry in found["skipped"]:
            self.assertIn("missing_module", entry["reason"])
        text = self.bisect(first, last, "scaled", "-x", "ones:2x3", exit_code=1).stdout
        self.assertIn("one of 3 commits", text)

    def test_ends_that_cannot_be_are_refused_in_one_line(self):
        words = ("scaled", "-x", "ones:2x3")
        self.assertIn("both are commit", self.complaint("v1", self.history.commits["v1"], *words))
        self.assertIn("the other way round", self.complaint("code", "v1", *words))
        self.assertIn("no branch or tag 'nothing'", self.complaint("v1", "nothing", *words))
        self.assertIn("they are of two repositories", self.complaint("v1", self.url + "x@main", *words))
        self.assertIn("no commit in common", self.complaint("v1", "unrelated", *words))
        self.assertIn("is to be good, and gives no answer", self.complaint(self.history.broken[0], "code", *words))
        self.assertIn("is to be bad, and gives no answer", self.complaint("v1", self.history.broken[0], *words))
        self.assertIn("does not answer the same twice", self.complaint("v1", "code", "noisy", "-x", "ones:2x3"))
        self.assertIn("say how to call it", self.complaint("v1", "code", "scaled"))
        self.assertIn("their merge base", self.complaint("fixed", "code", *words))

    def test_commits_that_die_or_hang_are_skipped(self):
        first, last = self.history.commits["deadly-good"], self.history.commits["deadly-bad"]
        found = self.found(first, last, "scaled", "-x", "ones:2x3", "--deadline", "5s", "--jobs", "1")
        self.assertEqual(found["first_bad"]["commit"], last)
        reasons = {entry["commit"]: entry["reason"] for entry in found["skipped"]}
        self.assertEqual(set(reasons), {self.history.commits["deadly-dies"], self.history.commits["deadly-hangs"]})
        self.assertIn("SIGKILL", reasons[self.history.commits["deadly-dies"]])

    def test_an_interruption_ends_a_hanging_call_and_shows_what_is_known(self):
        mark = os.path.join(self.cache, "mark")
        first, last = self.history.commits["waits-good"], self.history.commits["waits-bad"]
        with subprocess.Popen(self.command(first, last, "scaled", "-x", "ones:2x3", "--json", "--allow-write", self.cache, "-a", mark),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment()) as running:
            bisect_repository.wait_for(lambda: os.path.exists(mark), running)
            running.send_signal(signal.SIGINT)
            output, errors = running.communicate(timeout=DEADLINE_S)
        self.assertEqual(running.returncode, 130, errors)
        found = json.loads(output)
        self.assertTrue(found["interrupted"])
        self.assertIsNone(found["first_bad"])
        self.assertIn(last, [commit["commit"] for commit in found["candidates"]])
        self.assertEqual([trial["verdict"] for trial in found["trials"]], ["good", "bad"])


if __name__ == "__main__":
    unittest.main()

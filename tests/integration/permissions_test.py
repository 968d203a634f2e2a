"""What a worker may by its user's choice, and how `hubcell permissions` finds out what a model needs.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=tests/support python3 permissions_test.py
"""

import json
import os
import subprocess
import tempfile
import unittest

import torch

PROGRAM = os.environ["HUBCELL_PROGRAM"]
DEADLINE_S = 60
# What is not allowed is refused, and where namespaces can be had it is not even there.
HIDDEN = "(Permission denied|No such file or directory)"

HUBCONF = '''
import os, socket, subprocess
import torch

def reads(path):
    with open(path) as file:
        return file.read()

def lists(path):
    return sorted(os.listdir(path))

def writes(path):
    with open(path, "w") as file:
        file.write("written")

def url(url):
    return len(torch.hub.load_state_dict_from_url(url))

def each(steps):
    answers = []
    for name, argument in steps:
        try:
            answers.append(globals()[name](argument))
        except OSError:
            answers.append("refused")
    return answers

def tries(*paths):
    """Whatever the sandbox refuses, caught."""
    for path in paths:
        try:
            reads(path)
        except OSError:
            pass
    for refused in (lambda: writes(os.path.join(os.path.dirname(__file__), "cache.txt")),
                    lambda: subprocess.run(["git", "describe", "--tags now"]),
                    lambda: socket.create_connection(("127.0.0.9", 80), timeout=1),
                    lambda: reads("/nowhere/at/all")):
        try:
            refused()
        except OSError:
            pass
    writes("scratch.txt")
    return "done"
'''


def plain(output):
    """The command's JSON for a list is the list."""
    return [plain(item) for item in output["items"]] if isinstance(output, dict) and "items" in output else output


class Allowed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.checkout = self.file("net/hubconf.py", HUBCONF)
        self.repository = os.path.dirname(self.checkout)
        self.labels = self.file("data/labels.txt", "cat\n")

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def hubcell(self, *words):
        return subprocess.run((PROGRAM, *words), capture_output=True, text=True, timeout=DEADLINE_S, cwd=self.folder,
                              env={**os.environ, "TORCH_HOME": self.path("cache")})

    def output(self, entry, argument, *options):
        done = self.hubcell("run", self.repository, entry, "-a", argument, "--json", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return plain(json.loads(done.stdout)["output"])

    def refusal(self, *words):
        done = self.hubcell(*words)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
        return done.stderr.strip()


class Paths(Allowed):
    def answers(self, steps, *options):
        """What each (entrypoint, argument) gives under these options, all in one load."""
        return self.output("each", json.dumps(steps), *options)

    def test_reading_takes_an_option(self):
        self.assertRegex(self.refusal("run", self.repository, "reads", "-a", self.labels), HIDDEN + ".*--allow-read")
        secret = self.file("secret.txt", "x")
        os.symlink(secret, self.path("data", "link"))
        torch.save({"weight": torch.ones(1)}, self.path("data", "net.pth"))
        url = "file://" + self.path("data", "net.pth")
        steps = [["reads", self.labels], ["writes", self.labels], ["lists", self.path("data")], ["url", url], ["reads", secret],
                 ["reads", self.path("data", "link")], ["reads", self.path("data", "..", "secret.txt")]]
        self.assertEqual(self.answers(steps), ["refused"] * 7)
        self.assertEqual(self.answers(steps, "--allow-read", "data/../data"),
                         ["cat\n", "refused", ["labels.txt", "link", "net.pth"], 1, "refused", "refused", "refused"])
        self.assertEqual(self.answers(steps[:3], "--allow-read", self.labels), ["cat\n", "refused", "refused"])

    def test_writing_takes_an_option(self):
        new = self.path("data", "new.txt")
        self.assertRegex(self.refusal("run", self.repository, "writes", "-a", new), HIDDEN + ".*--allow-write")
        self.assertFalse(os.path.exists(new))
        steps = [["writes", new], ["writes", self.labels], ["reads", self.labels]]
        self.assertEqual(self.answers(steps, "--allow-write", self.labels), ["refused", None, "written"])
        self.assertEqual(self.answers(steps, "--allow-write", "data"), [None, None, "written"])
        with open(new, encoding="utf-8") as file:
            self.assertEqual(file.read(), "written")

    def test_what_is_not_there_cannot_be_allowed(self):
        self.assertIn("allow reading nowhere: there is no such file or folder",
                      self.refusal("run", self.repository, "reads", "-a", self.labels, "--allow-read", "nowhere"))
        self.assertIn("allow writing '': ", self.refusal("run", self.repository, "reads", "-a", self.labels, "--allow-write", ""))


class Permissions(Allowed):
    def found(self, *words, returncode=0):
        done = self.hubcell("permissions", self.repository, *words, "--json")
        self.assertEqual(done.returncode, returncode, done.stderr)
        found = json.loads(done.stdout)
        return found, {(note["kind"], note["what"]): note for note in found["observed"]}

    def test_what_a_load_does_beyond_its_own_files(self):
        found, notes = self.found("tries", "-a", self.labels)
        self.assertEqual({key: (note["refusal"], note["option"]) for key, note in notes.items()}, {
            ("read", self.labels): (notes["read", self.labels]["refusal"], ["--allow-read", self.labels]),
            ("write", self.path("net", "cache.txt")): ("a checkout stays as it was fetched", None),
            ("start", "git describe '--tags now'"): ("a worker starts no programs", None),
            ("connect", "127.0.0.9:80"): ("a worker has no network", None)})
        self.assertRegex(notes["read", self.labels]["refusal"], HIDDEN)
        self.assertEqual((found["entry"], found["failure"], found["options"]), ("tries", None, ["--allow-read", self.labels]))

    def test_its_options_are_what_it_takes(self):
        new = self.path("data", "new.txt")
        for entry, path in (("reads", self.labels), ("writes", new)):
            found, notes = self.found(entry, "-a", path, returncode=1)
            self.assertRegex(found["failure"], HIDDEN)
            self.assertNotEqual(found["options"], [])
            found, notes = self.found(entry, "-a", path, *found["options"])
            self.assertEqual((found["failure"], found["options"]), (None, []))
            self.assertEqual([note["refusal"] for note in notes.values()], [None])

    def test_many_files_of_a_folder_are_the_folder(self):
        files = [self.file(f"data/{index}", "") for index in range(5)]
        found, _ = self.found("tries", *(word for path in files for word in ("-a", path)))
        self.assertEqual(found["options"], ["--allow-read", self.path("data")])

    def test_nothing_is_advised_that_would_not_help(self):
        closed = self.file("data/closed", "")
        os.chmod(closed, 0)
        found, notes = self.found("tries", "-a", closed)
        if os.getuid() != 0:
            self.assertEqual(notes["read", closed]["refusal"], "you cannot read it either")
            self.assertEqual(found["options"], [])

    def test_as_people_read_it(self):
        spaced = self.file("data/la bels", "")
        shown = self.hubcell("permissions", self.repository, "tries", "-a", spaced, "--no-progress")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(f"refused   read {spaced}: --allow-read '{spaced}'\n", shown.stdout)
        self.assertTrue(shown.stdout.endswith(f"options   --allow-read '{spaced}'\n"), shown.stdout)
        self.assertIn("allow what you understand", shown.stderr)
        nothing = self.hubcell("permissions", self.repository, "writes", "-a", "scratch")
        self.assertEqual((nothing.returncode, nothing.stdout, nothing.stderr), (0, "no option helps it further\n", ""))

    def test_a_load_that_fails_has_its_reason_on_stderr(self):
        failed = self.hubcell("permissions", self.repository, "reads", "-a", self.labels)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("options   --allow-read", failed.stdout)
        self.assertRegex(failed.stderr, "\nhubcell: load reads of .*" + HIDDEN)


if __name__ == "__main__":
    unittest.main()

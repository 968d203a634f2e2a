"""The hubcell command, end to end, beside torch.hub alone.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=tests/support python3 command_test.py
"""

import contextlib
import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

from git_commands import git

PROGRAM = os.environ["HUBCELL_PROGRAM"]
PYTHON = "/usr/bin/python3"

HUBCONF = '''
"""Nets for tests."""
dependencies = ["torch"]
import torch
from models import Net

def net(size=4, scale=1.0):
    """A net with random weights."""
    return Net(size, scale)

def pair(): return Net(4, 1.0), {"name": "pair", "numbers": [1, 2.5, None]}
def nan(): return torch.tensor([float("nan"), float("inf"), 1.0])
def noisy():
    import sys, warnings
    print("to stdout")
    warnings.warn("take care")
    sys.stdout.write("unfinished")
    return [1, 2]
def fails(): raise ValueError("no weights today")
'''
MODELS = '''
import torch
class Net(torch.nn.Module):
    def __init__(self, size, scale):
        super().__init__()
        self.layer = torch.nn.Linear(size, 3)
        self.scale = scale * FACTOR
        self.names = ["a", "b", "c"]
    def forward(self, x, shift=0.0): return self.layer(x) * self.scale + shift
    def predict(self, x):
        """The class of the largest score."""
        return {"scores": self(x), "best": int(self(x).argmax())}
    def spin(self):
        while True: pass
'''
# What torch.hub gives in a process of its own, with the same seeds.
ALONE = '''
import hashlib, sys, torch
torch.manual_seed(0)
model = torch.hub.load(sys.argv[1], "net", source="local").eval()
torch.manual_seed(1)
with torch.no_grad():
    print(hashlib.sha256(model(torch.rand(2, 4)).numpy().tobytes()).hexdigest())
'''


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="hubcell-command-")
        cls.remote = os.path.join(cls.root, "github", "owner", "nets.git")
        os.makedirs(cls.remote)
        git(cls.remote, "init", "-q", "-b", "main")
        cls.commits = {tag: cls.commit_version(tag, factor) for tag, factor in (("v1", 1.0), ("v2", 2.0))}

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.root], check=False)
        shutil.rmtree(cls.root)

    @classmethod
    def commit_version(cls, tag, factor):
        os.makedirs(os.path.join(cls.remote, "models"), exist_ok=True)
        for name, text in (("hubconf.py", HUBCONF), ("models/__init__.py", f"FACTOR = {factor}\n" + MODELS)):
            with open(os.path.join(cls.remote, name), "w", encoding="utf-8") as file:
                file.write(text)
        git(cls.remote, "add", "-A")
        git(cls.remote, "commit", "-q", "-m", tag)
        git(cls.remote, "tag", tag)
        return git(cls.remote, "rev-parse", "HEAD")

    def environment(self):
        return {**os.environ, "HUBCELL_GITHUB_URL": f"file://{self.root}/github",
                "TORCH_HOME": os.path.join(self.root, "cache"), "HUBCELL_PYTHON": PYTHON}

    def hubcell(self, *words, exit_code=0):
        done = subprocess.run([PROGRAM, *words], env=self.environment(), capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, exit_code, done.stderr)
        return done

    def run_json(self, *words):
        return json.loads(self.hubcell("run", *words, "--json").stdout)

    def assert_one_line(self, *words, exit_code=1, says):
        done = self.hubcell(*words, exit_code=exit_code)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Ahubcell: [^\n]*\n\Z")
        self.assertRegex(done.stderr, says)

    def alone(self, tag):
        folder = os.path.join(self.root, "alone-" + tag)
        if not os.path.isdir(folder):
            git(self.root, "clone", "-q", "--branch", tag, self.remote, folder)
        return subprocess.run([PYTHON, "-c", ALONE, folder], check=True, capture_output=True, text=True,
                              env={**os.environ, "LD_PRELOAD": ""}).stdout.strip()

    def test_run_gives_what_torch_hub_gives_alone(self):
        inputs = ("-x", "rand:2x4", "--seed", "0", "--input-seed", "1")
        for name in ("owner/nets:{}", "owner/nets@{}", f"file://{self.remote}@{{}}"):
            for tag in ("v1", "v2"):
                with self.subTest(name=name, tag=tag):
                    answer = self.run_json(name.format(tag), "net", "--trust", *inputs)
                    self.assertEqual(answer["output"]["sha256"], self.alone(tag))
                    self.assertEqual((answer["ref"], answer["commit"]), (tag, self.commits[tag]))

    def test_json_has_the_promised_fields(self):
        answer = self.run_json("owner/nets@v1", "net", "-a", "5", "-a", "scale=2", "-x", "ones:1x5", "--seed", "0")
        self.assertEqual(set(answer), {"repo", "ref", "commit", "entry", "python", "torch", "sandbox", "load_s", "call_s", "output"})
        output = answer["output"]
        self.assertEqual((answer["repo"], answer["entry"], output["type"], output["dtype"], output["shape"]),
                         ("owner/nets", "net", "tensor", "float32", [1, 3]))
        self.assertEqual(len(output["data"]), 3)
        self.assertAlmostEqual(output["sum"], sum(output["data"]), places=5)
        self.assertEqual((output["min"], output["max"]), (min(output["data"]), max(output["data"])))
        nan = self.run_json("owner/nets@v1", "nan")["output"]
        self.assertEqual((nan["data"], nan["max"]), (["nan", "inf", 1.0], "nan"))

    def test_parts_are_picked_and_methods_called(self):
        pair = self.run_json("owner/nets@v2", "pair")["output"]
        self.assertEqual([item["type"] for item in pair["items"]], ["handle", "dict"])
        self.assertEqual(pair["items"][0]["class"], "models.Net")
        self.assertEqual(self.run_json("owner/nets@v2", "pair", "--pick", "1.numbers")["output"], [1, 2.5, None])
        self.assertEqual(self.run_json("owner/nets@v2", "pair", "--pick", "0.names.1")["output"], "b")
        best = self.run_json("owner/nets@v2", "pair", "--pick", '0["best"]', "--call", "predict", "-x", "ones:4")
        self.assertIn(best["output"], (0, 1, 2))
        named = self.run_json("owner/nets@v2", "net", "-x", "zeros:1x4", "-x", "shift=json:100.0", "--topk", "1")
        self.assertGreater(named["topk"][0][0]["value"], 90)

    def test_list_and_help(self):
        self.assertEqual(self.hubcell("list", "owner/nets@v1").stdout.split(), ["Net", "fails", "nan", "net", "noisy", "pair"])
        self.assertEqual(self.hubcell("help", "owner/nets@v1").stdout, "Nets for tests.\n")
        self.assertEqual(self.hubcell("help", "owner/nets@v1", "net").stdout,
                         "net(size=4, scale=1.0)\n\nA net with random weights.\n")
        self.assertIn("The class of the largest score.", self.hubcell("help", "owner/nets@v1", "net.predict").stdout)

    def test_answers_for_people_and_files(self):
        path = os.path.join(self.root, "answer.npy")
        words = ("owner/nets@v1", "net", "-x", "rand:2x4", "--seed", "0", "--input-seed", "1")
        text = self.hubcell("run", *words, "-o", path).stdout
        self.assertRegex(text, r"tensor float32 \[2, 3\]")
        self.assertNotIn("\x1b", text)
        with open(path, "rb") as file:
            content = file.read()
        elements = content[10 + int.from_bytes(content[8:10], "little"):]
        self.assertEqual(hashlib.sha256(elements).hexdigest(), self.run_json(*words)["output"]["sha256"])

    def test_what_a_worker_prints_goes_to_stderr_behind_its_name(self):
        done = self.hubcell("run", "owner/nets@v1", "noisy", "--json")
        self.assertEqual(json.loads(done.stdout)["output"], [1, 2])
        lines = done.stderr.splitlines()
        self.assertTrue(all(line.startswith("[owner/nets@v1] ") for line in lines), done.stderr)
        self.assertIn("[owner/nets@v1] to stdout", lines)
        self.assertIn("[owner/nets@v1] unfinished", lines)
        self.assertRegex(done.stderr, r"UserWarning: take care\n")

    def test_on_a_terminal_a_line_takes_the_place_of_the_progress(self):
        screen, terminal = pty.openpty()
        with subprocess.Popen([PROGRAM, "run", "owner/nets@v1", "noisy", "--json"], env=self.environment(),
                              stdout=subprocess.PIPE, stderr=terminal) as program:
            os.close(terminal)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                while part := os.read(screen, 4096):
                    shown += part
            self.assertEqual(json.loads(program.stdout.read())["output"], [1, 2])
        os.close(screen)
        self.assertIn(b"\r\x1b[K[owner/nets@v1] to stdout\r\n", shown)

    def test_quiet_shows_nothing_of_a_worker(self):
        done = self.hubcell("run", "owner/nets@v1", "noisy", "--json", "-q")
        self.assertEqual(json.loads(done.stdout)["output"], [1, 2])
        self.assertEqual(done.stderr, "")

    def test_doctor_and_version(self):
        self.assertRegex(self.hubcell("--version").stdout, r"\Ahubcell \d+\.\d+\.\d+\n\Z")
        findings = {finding["name"]: finding for finding in json.loads(self.hubcell("doctor", "--json").stdout)}
        self.assertTrue(findings["interpreter"]["holds"] and findings["torch"]["holds"])
        self.assertIn("seccomp", findings)

    def test_supervisor_and_client_link_none_of_the_heavy_libraries(self):
        folder = os.path.dirname(os.path.dirname(os.path.realpath(PROGRAM)))
        for program in (PROGRAM, os.path.join(folder, "libexec", "hubcell", "hubcell-supervisor")):
            linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
            self.assertIn("libc.so", linked)
            for library in ("torch", "c10", "python", "git2", "curl"):
                self.assertNotIn("lib" + library, linked, program)

    def test_failures_are_one_line_that_helps(self):
        self.assert_one_line("run", "owner/nets@v3", "net", says=r"owner/nets@v3: .*'v3'.*did you mean '?v[12]")
        self.assert_one_line("run", "owner/missing", "net", says="owner/missing")
        self.assert_one_line("run", "owner/nets@v1", "nett", says="Cannot find callable nett in hubconf")
        self.assert_one_line("run", "owner/nets@v1", "fails", says="ValueError: no weights today")
        self.assert_one_line("run", "owner/nets@v1", "net", "-x", "rand:3", says="RuntimeError")
        self.assert_one_line("run", "owner/nets@v1", "net", "-x", "missing.npy", says="missing.npy: No such file")
        self.assert_one_line("run", "owner/nets@v1", "net", "--python", "/no/python3", says="/no/python3.*no such program")
        self.assert_one_line("run", "./no-such-folder", "net", says="no-such-folder")
        self.assert_one_line("run", "owner/nets@v1", "net", "--call", "spin", "--deadline", "2s", says="2 s")
        self.assert_one_line("run", "owner/nets@v1", exit_code=2, says="ENTRY")
        self.assert_one_line("run", "owner/nets@v1", "net", "-x", "rnd:3", exit_code=2, says="rnd:3")

    def test_interpreters_that_cannot_serve_are_one_line_everywhere(self):
        venv = os.path.join(self.root, "venv")
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", venv], check=True)
        for python, says in ((venv + "/bin/python", "No module named 'torch'.*--python"), (venv, "it is a folder; give .*/bin/python"),
                             ("/bin/true", "exited with code 0 before it ran our code; give")):
            with self.subTest(python=python):
                line = f"start the interpreter {python}.*{says}"
                self.assert_one_line("run", "owner/nets@v1", "net", "--python", python, says=line)
                diagnosis = self.hubcell("doctor", "--python", python, exit_code=1)
                self.assertRegex(diagnosis.stdout, f"✗ interpreter +{line}[^\n]*\n\\Z")

    def test_without_the_remote_a_cached_ref_still_loads(self):
        self.hubcell("list", "owner/nets@v1")
        moved = self.remote + ".away"
        os.rename(self.remote, moved)
        try:
            self.assertIn("net", self.hubcell("list", "owner/nets@v1").stdout)
            self.assert_one_line("list", "owner/nets@other", says="owner/nets@other")
        finally:
            os.rename(moved, self.remote)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)

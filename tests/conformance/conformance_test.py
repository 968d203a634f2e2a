"""hubcell beside torch.hub: every function, parameter and environment variable of torch.hub's documentation. Run: PYTHONPATH=build/release/python:tests/support python3 -B tests/conformance/conformance_test.py [-v] [NAME ...]

Each case is one function that holds for both; where hubcell differs on purpose it gives an expectation for each. For
each interpreter of HUBCELL_TEST_INTERPRETERS (separated by colons; this one by default) all cases run twice: on
torch.hub, against a stand-in for GitHub, and on hubcell, each in a process of its own. NAMEs choose cases.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import github_standin

HERE = os.path.dirname(os.path.abspath(__file__))
BOTH = ("torch.hub", "hubcell")
SECONDS_MAX = 600
UNWANTED = ("GITHUB_TOKEN", "XDG_CACHE_HOME", "TORCH_HUB", "PYTHONSTARTUP")


def interpreters():
    return [path for path in os.environ.get("HUBCELL_TEST_INTERPRETERS", "").split(":") if path] or [sys.executable]


def run_cases(interpreter, which, names):
    """What run_cases.py writes. Raises where it did not come to its end."""
    root = tempfile.mkdtemp(prefix="hubcell-conformance-")
    try:
        github, outcomes = os.path.join(root, "github"), os.path.join(root, "outcomes.json")
        os.makedirs(github)
        environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        environment.update(CONFORMANCE_GITHUB=github, CONFORMANCE_ONLY=" ".join(names), HUBCELL_PYTHON=interpreter,
                           HUBCELL_GITHUB_URL=f"file://{github}", HUBCELL_ALLOW_PRIVATE_ADDRESSES="1",
                           TORCH_HOME=os.path.join(root, "torch"),
                           HOME=os.path.join(root, "home"))
        with github_standin.serving(github) as url:
            done = subprocess.run([interpreter, "-B", os.path.join(HERE, "run_cases.py"), which, root, url, outcomes],
                                  env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        if done.returncode != 0 or not os.path.exists(outcomes):
            raise AssertionError(f"{interpreter} run_cases.py {which}: exit code {done.returncode}\n{done.stderr}")
        with open(outcomes, encoding="utf-8") as file:
            return json.load(file)
    finally:
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root)


class Outcome(unittest.TestCase):
    """One case's outcome on one of the two with one interpreter."""

    def __init__(self, what, outcome):
        super().__init__("check")
        self.what, self.outcome = what, outcome

    def __str__(self):
        return self.what

    def check(self):
        if self.outcome["error"]:
            self.fail(self.outcome["error"])


def outcomes_of(interpreter, which, names, reasons):
    """A test for each case. Reasons for differences are added to `reasons`."""
    try:
        found = run_cases(interpreter, which, names)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        return [Outcome(f"{which}, {interpreter}", {"error": str(error)})]
    label = f"{which}, Python {found['python']}, torch {found['torch']}"
    for outcome in found["outcomes"].values():
        reasons.update(dict.fromkeys(outcome["differs"]))
    return [Outcome(f"{name} ({label}, {outcome['seconds']} s)", outcome)
            for name, outcome in found["outcomes"].items()]


def main(names):
    reasons = {}
    suite = unittest.TestSuite(outcome for interpreter in interpreters() for which in BOTH
                               for outcome in outcomes_of(interpreter, which, names, reasons))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2 if "-v" in sys.argv else 1).run(suite)
    print("\nwhere hubcell differs, and its cases say so:")
    for reason in reasons:
        print(f"  {reason}")
    failed = len(result.failures) + len(result.errors)
    print(f"\n{result.testsRun} tests, {failed} failed")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name != "-v"]))

"""The search for the commit that changed a model: hubcell bisect, beside a shell's loop of fresh processes over the same commits

usage: tools/bench bisect [--json FILE] [--rounds N]
"""

import json
import os
import subprocess
import sys
import tempfile

import figures
import history
import options
import package
import participants
import report

GOAL_SHARE = 4  # the loop takes as many times as long, at least
WHO = {"hubcell": "hubcell bisect", "loop": "a loop of fresh processes"}
FRESH = f"""
import torch
net = torch.hub.load(".", "net", source="local").eval()
with torch.no_grad():
    print(float(net(torch.ones(1, {history.FEATURES})).double().sum()))
"""
EXPLANATION = """\
60 commits, of which five do not load and one changed what the model answers: by its code, its weights, or the default of an argument. hubcell bisect
from nothing, with an empty cache; and a loop that checks out each commit that it looked at and runs a fresh process which loads and calls the model
with torch.hub. {rounds} rounds in turn; times are p50 and p99, in parentheses what single rounds gave at least and at most."""


class Search:
    """For one of history.CHANGES; what it took."""

    def __init__(self, hubcell, torch, folder, change):
        self._program = os.path.join(os.path.dirname(hubcell.__file__), "bin", "hubcell")
        self._repository = os.path.join(folder, change)
        self._first_bad = history.make(torch, self._repository, change)
        self.times = {who: [] for who in WHO}
        self.trials = []

    def _bisect(self):
        url = f"file://{self._repository}"
        command = (self._program, "bisect", f"{url}@good", "@bad", "net", "-x", f"ones:1x{history.FEATURES}", "--json")
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "TORCH_HOME": cache, "HUBCELL_PYTHON": sys.executable,
                                                                        "HUBCELL_SOCKET": ""})
            subprocess.run(("chmod", "-R", "u+w", cache), check=True)  # checkouts are read-only
        found = json.loads(done.stdout) if done.stdout else {"first_bad": None}
        if not found["first_bad"] or found["first_bad"]["commit"] != self._first_bad:
            raise participants.Failure("hubcell bisect found another commit than the one that changed the model")
        self.trials = [trial["commit"] for trial in found["trials"]]

    def _loop(self):
        for commit in self.trials:
            history.git(self._repository, "checkout", "--quiet", commit)
            # Some do not load.
            subprocess.run((sys.executable, "-B", "-c", FRESH), cwd=self._repository, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def measure(self):
        self.times["hubcell"].append([package.timed_ns(self._bisect)])
        self.times["loop"].append([package.timed_ns(self._loop)])


def make_rows(measured):
    rows = []
    for change, search in measured.items():
        goal_us = figures.p50(figures.flatten(search.times["loop"])) / 1e3 / GOAL_SHARE
        for who, rounds in search.times.items():
            times = figures.flatten(rounds)
            rows.append(report.row(f"bisect-{change}", who, 0, figures.p50(times) / 1e3, figures.percentile(times, 99) / 1e3,
                                   goal_us if who == "hubcell" else None, trials=len(search.trials),
                                   times_fresh_process=figures.ratio(rounds, search.times["loop"])))
    return rows


def print_rows(change, rows):
    lines = [(WHO[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              "{1} ({0} .. {2})".format(*map(figures.times_text, row["times_fresh_process"]))) for row in rows]
    print(f"\nA change of {change}: {rows[0]['trials']} commits were looked at\n")
    for line in report.table(("", "p50", "p99", "times the loop"), lines):
        print(line)
    print(f"  Goal of hubcell: a quarter of the loop, {figures.duration_text(rows[0]['goal'])}: {'missed' if rows[0]['missed'] else 'met'}.")


def measure(hubcell, torch, rounds):
    with tempfile.TemporaryDirectory() as folder:
        measured = {change: Search(hubcell, torch, folder, change) for change in history.CHANGES}
        for _ in range(rounds):
            for search in measured.values():
                search.measure()
        return measured


def main(words):
    run = package.Run("bisect", __doc__.splitlines()[0], "searches of each kind", EXPLANATION, words, rounds=3)
    rows = make_rows(measure(run.hubcell, run.torch, run.rounds))
    for change in history.CHANGES:
        print_rows({"code": "the code", "weights": "the weights", "default": "a default"}[change],
                   [row for row in rows if row["bench"] == f"bisect-{change}"])
    run.write(rows)
    return 0


if __name__ == "__main__":
    options.run("bisect", main)

"""A start: from a cached repository to the first answer, beside a process that has torch imported, and a fresh one

usage: tools/bench start [--json FILE] [--rounds N]
"""

import os
import subprocess
import sys
import tempfile

import figures
import models
import options
import package
import participants
import report

GOAL_BESIDE_OWN_US = 30_000
FRESH = """
import sys, torch
net = torch.hub.load({folder!r}, {entry!r}, source="local")
with torch.no_grad():
    net(torch.ones(1, {features}))
"""
WHO = {"hubcell": "hubcell, warm interpreter", "torch.hub": "torch.hub, torch imported", "fresh-process": "a fresh process"}
EXPLANATION = """\
A repository in a folder is loaded and called once: by a new worker of a Hub that has loaded something else before; by torch.hub in this process, which is
what the repository's own code takes; and by a fresh process with torch.hub. {rounds} rounds in turn; times are p50 and p99, in parentheses what
single rounds gave at least and at most."""


class Model:
    """One of models.py, started in each way; what it took."""

    def __init__(self, hubcell, torch, folder, entry):
        self._hubcell, self._torch, self._folder, self._entry = hubcell, torch, folder, entry
        self.times = {who: [] for who in WHO}

    def _fresh_folder(self):
        return models.write_repository(os.path.join(self._folder, f"{self._entry}{len(self.times['hubcell'])}"))

    def _call(self, net):
        with self._torch.no_grad():
            net(self._torch.ones(1, models.INPUTS[self._entry]))

    def measure(self, hub):
        folder = self._fresh_folder()
        command = [sys.executable, "-B", "-c", FRESH.format(folder=folder, entry=self._entry, features=models.INPUTS[self._entry])]
        starts = {"hubcell": lambda: self._call(hub.load(folder, self._entry, source="local")),
                  "torch.hub": lambda: self._call(self._torch.hub.load(folder, self._entry, source="local")),
                  "fresh-process": lambda: subprocess.run(command, check=True)}
        for who, start in starts.items():
            self.times[who].append([package.timed_ns(start)])


def make_rows(measured):
    rows = []
    for entry, model in measured.items():
        own_us = figures.p50(figures.flatten(model.times["torch.hub"])) / 1e3
        for who, rounds in model.times.items():
            times = figures.flatten(rounds)
            rows.append(report.row(f"start-{entry}", who, 4, figures.p50(times) / 1e3, figures.percentile(times, 99) / 1e3,
                                   own_us + GOAL_BESIDE_OWN_US if who == "hubcell" else None,
                                   times_fresh_process=figures.ratio(rounds, model.times["fresh-process"])))
    return rows


def print_rows(title, rows):
    lines = [(WHO[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              "{1} ({0} .. {2})".format(*map(figures.times_text, row["times_fresh_process"]))) for row in rows]
    print(f"\n{title}\n")
    for line in report.table(("", "p50", "p99", "times a fresh process"), lines):
        print(line)
    for row in rows:
        if row["goal"] is not None:
            print(f"  Goal of hubcell: what the repository's own code takes, and 30 ms: at most {figures.duration_text(row['goal'])}: "
                  f"{'missed' if row['missed'] else 'met'}.")


def measure(hubcell, torch, rounds):
    with tempfile.TemporaryDirectory() as folder, hubcell.Hub() as hub:
        hub.load(models.write_repository(os.path.join(folder, "warm")), "small", source="local")
        measured = {entry: Model(hubcell, torch, folder, entry) for entry in models.INPUTS}
        for _ in range(rounds):
            for model in measured.values():
                try:
                    model.measure(hub)
                except subprocess.CalledProcessError:
                    raise participants.Failure("load a model in a fresh process: it failed; its last words are above") from None
        return measured


def main(words):
    run = package.Run("start", __doc__.splitlines()[0], "starts of each model", EXPLANATION, words)
    rows = make_rows(measure(run.hubcell, run.torch, run.rounds))
    for entry in models.INPUTS:
        print_rows(f"The {entry} model", [row for row in rows if row["bench"] == f"start-{entry}"])
    run.write(rows)
    return 0


if __name__ == "__main__":
    options.run("start", main)

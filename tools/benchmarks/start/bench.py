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
GOAL_COMMAND_US = 10_000
COMMAND_RUNS = 50
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
single rounds gave at least and at most. Last, what the command line takes for itself: hubcell --version, {command_runs} times."""


class Model:
    """One of models.py, started in each way; what it took."""

    def __init__(self, hubcell, torch, folder, entry):
        self._hubcell, self._torch, self._folder, self._entry = hubcell, torch, folder, entry
        self.times = {who: [] for who in WHO}
        self.load_ns = []  # of the first who, without its call

    def _fresh_folder(self):
        return models.write_repository(os.path.join(self._folder, f"{self._entry}{len(self.times['hubcell'])}"))

    def _call(self, net):
        with self._torch.no_grad():
            net(self._torch.ones(1, models.INPUTS[self._entry]))

    def _load_and_call(self, hub, folder):
        nets = []
        self.load_ns.append(package.timed_ns(lambda: nets.append(hub.load(folder, self._entry, source="local"))))
        self._call(nets[0])

    def measure(self, hub):
        folder = self._fresh_folder()
        command = [sys.executable, "-B", "-c", FRESH.format(folder=folder, entry=self._entry, features=models.INPUTS[self._entry])]
        starts = {"hubcell": lambda: self._load_and_call(hub, folder),
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
                                   times_fresh_process=figures.ratio(rounds, model.times["fresh-process"]),
                                   **({"load_p50_us": figures.p50(model.load_ns) / 1e3} if who == "hubcell" else {})))
    return rows


def print_rows(title, rows):
    lines = [(WHO[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              "{1} ({0} .. {2})".format(*map(figures.times_text, row["times_fresh_process"]))) for row in rows]
    print(f"\n{title}\n")
    for line in report.table(("", "p50", "p99", "times a fresh process"), lines):
        print(line)
    for row in rows:
        if row["goal"] is not None:
            print(f"  Of which the load is {figures.duration_text(row['load_p50_us'])}; the rest is the first call.")
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


def command_row(hubcell):
    command = [os.path.join(os.path.dirname(hubcell.__file__), "bin", "hubcell"), "--version"]
    times = [package.timed_ns(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) for _ in range(COMMAND_RUNS)]
    return report.row("start-command", "hubcell", 0, figures.p50(times) / 1e3, figures.percentile(times, 99) / 1e3, GOAL_COMMAND_US)


def print_command(row):
    print(f"\nThe command itself: p50 {figures.duration_text(row['p50_us'])}, p99 {figures.duration_text(row['p99_us'])}; "
          f"goal: at most {figures.duration_text(row['goal'])}: {'missed' if row['missed'] else 'met'}.")


def main(words):
    explanation = EXPLANATION.replace("{command_runs}", str(COMMAND_RUNS))
    run = package.Run("start", __doc__.splitlines()[0], "starts of each model", explanation, words)
    rows = make_rows(measure(run.hubcell, run.torch, run.rounds))
    for entry in models.INPUTS:
        print_rows(f"The {entry} model", [row for row in rows if row["bench"] == f"start-{entry}"])
    command = command_row(run.hubcell)
    print_command(command)
    run.write([*rows, command])
    return 0


if __name__ == "__main__":
    options.run("start", main)

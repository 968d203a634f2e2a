"""What the sandbox costs: starting a worker, and a call, at each of its levels

usage: tools/bench sandbox [--json FILE] [--rounds N]
"""

import contextlib
import os
import tempfile

import figures
import options
import package
import report

LEVELS = ("off", "minimal", "full")
HUBCONF = """
class Doubles:
    def __call__(self, x):
        return x * 2

def doubles():
    return Doubles()
"""
CALLS = 200
EXPLANATION = """\
Workers are started from a template that runs already: a load whose hubconf.py does nothing, in a worker of its own, until it has
answered. A call answers one float with x * 2, from Python. The levels take turns, {rounds} rounds; times are p50 and p99 of all,
in parentheses what single rounds gave at least and at most."""


class Level:
    """A session at one level of the sandbox, and what was measured in it."""

    def __init__(self, hubcell, name, folder):
        self.hub, self._folder, self._repositories = hubcell.Hub(sandbox=name), folder, 0
        self._model = self.hub.load(self._new_repository(), "doubles", source="local")
        self.found = hubcell.info(self._model)["sandbox"]
        self.starts, self.calls = [], []

    def _new_repository(self):
        self._repositories += 1
        path = os.path.join(self._folder, str(self._repositories))
        os.makedirs(path)
        with open(os.path.join(path, "hubconf.py"), "w", encoding="utf-8") as file:
            file.write(HUBCONF)
        return path

    def measure(self, starts, numbers):
        folders = [self._new_repository() for _ in range(starts)]
        self.starts.append([package.timed_ns(lambda: self.hub.load(folder, "doubles", source="local")) for folder in folders])  # noqa: B023
        for _ in range(CALLS // 10):
            self._model(numbers)
        self.calls.append([package.timed_ns(lambda: self._model(numbers)) for _ in range(CALLS)])


def measure(hubcell, torch, rounds):
    """{level: Level} of those that this machine has."""
    levels = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for name in LEVELS:
            try:
                levels[name] = Level(hubcell, name, os.path.join(folder, name))
            except hubcell.SandboxError as missing:
                print(f"  {name} is left out: {missing}")
                continue
            stack.callback(levels[name].hub.close)
        for _ in range(rounds):
            for level in levels.values():
                level.measure(5, torch.ones(1))
    return levels


def make_rows(levels):
    rows = []
    for what, bench in (("starts", "sandbox-start"), ("calls", "sandbox-call")):
        for name, level in levels.items():
            rounds = getattr(level, what)
            times = figures.flatten(rounds)
            rows.append(report.row(bench, name, 4, figures.p50(times) / 1e3, figures.percentile(times, 99) / 1e3,
                                   times_off=figures.ratio(rounds, getattr(levels["off"], what))))
    return rows


def print_rows(title, rows):
    off = rows[0]["p50_us"]
    lines = [(row["who"], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              f"{(row['p50_us'] - off) / 1e3:+.2f} ms", "{1} ({0} .. {2})".format(*map(figures.times_text, row["times_off"])))
             for row in rows]
    print(f"\n{title}\n")
    for line in report.table(("", "p50", "p99", "more than off", "times off"), lines):
        print(line)


def main(words):
    run = package.Run("sandbox", __doc__.splitlines()[0], "rounds of each level", EXPLANATION, words)
    rows = make_rows(measure(run.hubcell, run.torch, run.rounds))
    print_rows("Starting a worker, with its first load", [row for row in rows if row["bench"] == "sandbox-start"])
    print_rows("A call", [row for row in rows if row["bench"] == "sandbox-call"])
    run.write(rows)
    return 0


if __name__ == "__main__":
    options.run("sandbox", main)

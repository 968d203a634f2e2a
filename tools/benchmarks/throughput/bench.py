"""Throughput: workers that compute at once, beside as many bare processes

usage: tools/bench throughput [--json FILE] [--rounds N]
"""

import os
import tempfile
import threading
import time

import figures
import options
import package
import participants
import report

GOAL_TIMES_BARE = 0.97
ROUND_S = 1.0
HUBCONF = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(*(torch.nn.Linear(512, 512) for _ in range(8)))

    def forward(self, x):
        return self.layers(x)

def net():
    torch.manual_seed(0)
    return Net()
"""
BARE = """
import sys, time, torch
torch.set_num_threads(1)
net = torch.hub.load({folder!r}, "net", source="local")
x = torch.ones(64, 512)
with torch.no_grad():
    net(x)
    print("ready", flush=True)
    for line in sys.stdin:
        end, count = time.monotonic() + float(line), 0
        while time.monotonic() < end:
            net(x)
            count += 1
        print(count, flush=True)
"""
EXPLANATION = """\
Each worker, of a repository of its own, is called by a thread of this program without a pause; each bare process calls the same model itself. Replicas are workers of one
model, which as many threads call; who serves a call is chosen call by call. One thread of torch in each. {rounds} rounds of 1 s in turn: calls of all in a second, the ratio, and in parentheses what single rounds gave at least and at most."""


class Workers:
    def __init__(self, hubcell, torch, folder, count):
        self._hub = hubcell.Hub(threads=1)
        self._call(torch, [self._load(os.path.join(folder, f"worker{number}")) for number in range(count)])

    def _load(self, folder):
        return self._hub.load(write(folder), "net", source="local")

    def _call(self, torch, nets):
        self._nets, self._x = nets, torch.ones(64, 512)
        for net in self._nets:
            net(self._x)

    def count(self):
        counts = [0] * len(self._nets)
        end = time.monotonic() + ROUND_S

        def call(number):
            while time.monotonic() < end:
                self._nets[number](self._x)
                counts[number] += 1

        callers = [threading.Thread(target=call, args=(number,)) for number in range(len(self._nets))]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return sum(counts)

    def close(self):
        self._hub.close()


class Replicas(Workers):
    def __init__(self, hubcell, torch, folder, count):
        self._hub = hubcell.Hub(threads=1, replicas=count, stateless=True)
        self._call(torch, [self._load(os.path.join(folder, "model"))] * count)


class BareProcesses:
    def __init__(self, python, folder, count):
        write(folder)
        self._processes = []
        for _ in range(count):
            self._processes.append(participants.Participant("a bare process", [python, "-B", "-c", BARE.format(folder=folder)]))
        for process in self._processes:
            process.wait_ready()

    def count(self):
        for process in self._processes:
            process.tell(f"{ROUND_S}\n")
        return sum(int(process.hear()) for process in self._processes)

    def close(self):
        for process in self._processes:
            process.close()


def write(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
        file.write(HUBCONF)
    return folder


def measure(run, kind, count):
    """[(calls by workers, calls by processes) of each round]"""
    import sys

    with tempfile.TemporaryDirectory() as folder:
        workers = kind(run.hubcell, run.torch, folder, count)
        processes = BareProcesses(sys.executable, os.path.join(folder, "bare"), count)
        try:
            return [(workers.count(), processes.count()) for _ in range(run.rounds)]
        finally:
            workers.close()
            processes.close()


def make_row(kind, count, rounds):
    ratios = sorted(mine / other for mine, other in rounds)
    overall = sum(mine for mine, _ in rounds) / sum(other for _, other in rounds)
    goal = GOAL_TIMES_BARE if count == 2 else None
    return {"bench": "throughput", "who": "hubcell-replicas" if kind is Replicas else "hubcell-python", "workers": count, "replicas": count if kind is Replicas else 1,
            "calls_per_s": figures.p50([mine for mine, _ in rounds]) / ROUND_S,
            "bare_calls_per_s": figures.p50([other for _, other in rounds]) / ROUND_S,
            "times_bare": (ratios[0], overall, ratios[-1]), "goal": goal, "missed": goal is not None and overall < goal}


def main(words):
    run = package.Run("throughput", __doc__.splitlines()[0], "rounds of each number of workers", EXPLANATION, words)
    counts = sorted({1, 2, len(os.sched_getaffinity(0))})
    cases = [(kind, count) for kind in (Workers, Replicas) for count in counts]
    rows = [make_row(kind, count, measure(run, kind, count)) for kind, count in cases]
    lines = [(f"{row['workers']} at once" + (" (replicas)" if kind is Replicas else ""), f"{row['calls_per_s']:.0f}", f"{row['bare_calls_per_s']:.0f}",
              "{1:.3f} ({0:.3f} .. {2:.3f})".format(*row["times_bare"]),
              "" if row["goal"] is None else f"{row['goal']}: {'missed' if row['missed'] else 'met'}") for (kind, _), row in zip(cases, rows)]
    print()
    for line in report.table(("", "workers", "bare processes", "times bare", "goal"), lines):
        print(line)
    run.write(rows)
    return 0


if __name__ == "__main__":
    options.run("throughput", main)

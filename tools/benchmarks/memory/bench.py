"""Memory: workers of one model beside as many fresh processes, and many that are idle (as root)

usage: tools/bench memory [--json FILE] [--fail-if-missed] [--idle N]
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

import figures
import models
import options
import package
import participants
import report

COUNTS = (1, 2, 4, 8)
WEIGHT_BYTES = models.LARGE_WEIGHTS * 4
GOAL_BESIDE_WEIGHTS = 30e6  # of each worker
GOAL_IDLE = 10e6
GOAL_SUPERVISOR = 20e6
SETTLED_S = 1.0
REST_S = 7.0  # after which a worker has given back what it does not need
SETTLE_DEADLINE_S = 60
FRESH = """
import sys, torch
net = torch.hub.load({folder!r}, "large", source="local")
with torch.no_grad():
    net(torch.ones(1, 2048))
print("ready", flush=True)
sys.stdin.read()
"""
EXPLANATION = f"""\
A model with {models.LARGE_WEIGHTS / 1e6:.1f} million weights, {WEIGHT_BYTES / 1e6:.0f} MB, is loaded and called once by workers, each of a repository of its own, and by
fresh processes with torch.hub. Memory is the sum of their pages, of one that N processes map an Nth each (PSS)."""


def memory_of(pid):
    """{"Pss": bytes, "Private_Dirty": bytes, ...}"""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file if line.endswith("kB\n")}
    except PermissionError:
        raise participants.Failure("read the memory of workers: it is closed to ordinary users; run this as root") from None


def private_bytes(pid):
    memory = memory_of(pid)
    return memory["Private_Dirty"] + memory["Private_Clean"]


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def wait_until_settled(pids):
    """Weights come to be shared within the pauses between calls, and unused memory is given back after some."""
    end, since, before = time.monotonic() + SETTLE_DEADLINE_S, time.monotonic(), None
    while time.monotonic() - since < SETTLED_S and time.monotonic() < end:
        now = [memory_of(pid)["Rss"] for pid in pids]
        if now != before:
            since, before = time.monotonic(), now
        time.sleep(0.1)


class Workers:
    """Workers of a Hub, each of a repository of its own."""

    def __init__(self, hubcell, torch, folder):
        self._hubcell, self._torch, self._folder = hubcell, torch, folder
        self._hub = hubcell.Hub()
        self._nets = []
        self.pids = []

    def add(self, entry):
        folder = models.write_repository(os.path.join(self._folder, f"{entry}{len(self._nets)}"))
        net = self._hub.load(folder, entry, source="local")
        net(self._torch.ones(1, models.INPUTS[entry]))
        self._nets.append(net)
        self.pids.append(self._hubcell.info(net)["pid"])

    def supervisor_pid(self):
        return parent_of(parent_of(self.pids[0]))

    def close(self):
        self._nets.clear()
        self._hub.close()


class FreshProcesses:
    def __init__(self, folder):
        self._folder = models.write_repository(os.path.join(folder, "fresh"))
        self._processes = []

    @property
    def pids(self):
        return [process.pid for process in self._processes]

    def add(self, _entry):
        process = subprocess.Popen([sys.executable, "-B", "-c", FRESH.format(folder=self._folder)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        if process.stdout.readline() != "ready\n":
            raise participants.Failure("load the model in a fresh process: it failed; its last words are above")

    def close(self):
        for process in self._processes:
            process.kill()
            process.communicate()


def measure_counts(make):
    """{count: bytes of all}"""
    with contextlib.closing(make()) as crowd:
        totals = {}
        for count in range(1, COUNTS[-1] + 1):
            crowd.add("large")
            if count in COUNTS:
                wait_until_settled(crowd.pids)
                totals[count] = sum(memory_of(pid)["Pss"] for pid in crowd.pids)
        return totals


def measure_idle(workers, count):
    """(median of the workers' private bytes, those of the supervisor)"""
    with contextlib.closing(workers):
        for _ in range(count):
            workers.add("small")
        time.sleep(REST_S)
        wait_until_settled(workers.pids)
        return figures.p50([private_bytes(pid) for pid in workers.pids]), memory_of(workers.supervisor_pid())["Rss"]


def row(bench, who, measured, goal=None, **more):
    return {"bench": bench, "who": who, "memory_bytes": measured, "goal": goal,
            "missed": goal is not None and measured > goal, **more}


def make_rows(workers, fresh, idle, supervisor, idle_count):
    rows = []
    for count in COUNTS:
        # Below that the interpreter, which they have in common, is most of it.
        goal = WEIGHT_BYTES + count * GOAL_BESIDE_WEIGHTS if count == COUNTS[-1] else None
        rows.append(row("memory", "hubcell", workers[count], goal, workers=count, times_fresh=workers[count] / fresh[count]))
        rows.append(row("memory", "fresh processes", fresh[count], workers=count, times_fresh=1.0))
    rows.append(row("memory-idle", "worker", idle, GOAL_IDLE, workers=idle_count))
    rows.append(row("memory-idle", "supervisor", supervisor, GOAL_SUPERVISOR, workers=idle_count))
    return rows


def megabytes_text(count):
    return "" if count is None else f"{count / 1e6:.1f} MB"


def counted_text(row):
    noun = "worker" if row["who"] == "hubcell" else "fresh process"
    return f"{row['workers']} {noun}" + ("" if row["workers"] == 1 else "es" if noun.endswith("s") else "s")


def verdict(row):
    return "" if row["goal"] is None else "missed" if row["missed"] else "met"


def print_rows(rows, idle_count):
    lines = [(counted_text(row), megabytes_text(row["memory_bytes"]),
              figures.times_text(row["times_fresh"]), megabytes_text(row["goal"]), verdict(row))
             for row in rows if row["bench"] == "memory"]
    print()
    for line in report.table(("", "memory", "times fresh", "goal", ""), lines):
        print(line)
    lines = [(f"{row['who']}", megabytes_text(row["memory_bytes"]), megabytes_text(row["goal"]), verdict(row))
             for row in rows if row["bench"] == "memory-idle"]
    print(f"\n{idle_count} idle workers of a small model: what is private to each, and all that the supervisor has\n")
    for line in report.table(("", "memory", "goal", ""), lines):
        print(line)


def main(words):
    parser = options.Parser("memory", __doc__.splitlines()[0])
    parser.add_argument("--idle", metavar="N", type=options.positive, default=100, help="idle workers (100)")
    chosen = parser.parse(words)
    hubcell, torch = package.import_package(chosen.programs)
    machine = report.describe_machine()
    print(f"{report.machine_text(machine)}\n{EXPLANATION}", flush=True)
    memory_of(os.getpid())
    with tempfile.TemporaryDirectory() as folder:
        workers = measure_counts(lambda: Workers(hubcell, torch, folder))
        fresh = measure_counts(lambda: FreshProcesses(folder))
        idle, supervisor = measure_idle(Workers(hubcell, torch, folder), chosen.idle)
    rows = make_rows(workers, fresh, idle, supervisor, chosen.idle)
    print_rows(rows, chosen.idle)
    if chosen.json:
        report.write_json(chosen.json, machine, rows)
    return 3 if chosen.fail_if_missed and any(row["missed"] for row in rows) else 0


if __name__ == "__main__":
    options.run("memory", main)

"""Kills workers and templates at random under a program of many threads, and counts what becomes of each call.

Each thread does what programs do: loads, calls, waits with deadlines, keeps parts, drops models. Of each call it knows the right
answer, and which errors it may have instead while processes are killed. In the end nothing may be left: no process, descriptor
or file. With --programs so many programs share one `hubcell serve`, and it is they that are killed: the others may notice nothing.

usage: tools/soak [--kills N] [--seconds N] [--seed N] [--threads N] [--programs N]
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time

import hubcell
import callers
import leftovers
import models
import programs

# Of every call: a process that was stopped answers nothing.
DEADLINE_S = 10.0
KILL_PAUSE_S = 0.04
# Kills after which memory is to stay what it is: a template has retired by then, too.
WARM_AFTER = 1000


def kill_at_random(hub_pids, numbers, counts, growth, arguments, end):
    """Ends workers, and now and then a template, until so many were ended, or the time is over. Returns how many were."""
    killed, stop_at = 0, time.monotonic() + arguments.seconds
    while killed < arguments.kills and time.monotonic() < stop_at and not counts.wrong:
        time.sleep(numbers.uniform(0.2, 1.8) * KILL_PAUSE_S)
        workers, templates = hub_pids()
        dice = numbers.random()
        targets, number = next((targets, number) for chance, targets, number in (
            (0.005, templates, signal.SIGKILL), (0.01, workers, signal.SIGSEGV), (0.02, workers, signal.SIGSTOP),
            (1.0, workers, signal.SIGKILL)) if dice < chance)
        if targets and leftovers.kill(numbers.choice(targets), number):
            killed += 1
            if killed == WARM_AFTER:
                growth.note_warm()
    end.set()
    return killed


def soak(arguments):
    numbers = random.Random(arguments.seed)
    counts, end = callers.Counts(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="hubcell-soak-") as root:
        folders = models.write(root, 4)
        os.environ["TMPDIR"] = tempfile.tempdir = root
        before = leftovers.of_this_program()
        hub = hubcell.Hub(deadline=DEADLINE_S, threads=1, socket="")
        supervisor = leftovers.Supervisor(hubcell.info(hub.load(folders[0], "model", 1, source="local"))["pid"])
        growth = leftovers.Growth(supervisor.pid)
        running = callers.start(hub, folders, counts, numbers, end, arguments.threads)
        killed = kill_at_random(supervisor.workers_and_templates, numbers, counts, growth, arguments, end)
        callers.join(running, counts)
        grown = growth.kib()
        counts.wrong += growth.complaints(grown)
        hub.close()
        # Its socket goes with the last that names it.
        del hub, running
        counts.wrong += leftovers.since(before, supervisor.pid)
    return killed, counts, grown


def main():
    parser = argparse.ArgumentParser(prog="tools/soak", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="so many processes are ended (200)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="no longer than that (3600)")
    parser.add_argument("--seed", type=int, default=0, help="of what is done and ended (0)")
    parser.add_argument("--threads", type=int, default=4, help="of a program (4)")
    parser.add_argument("--programs", type=int, default=0, help="that share one `hubcell serve`, and are ended themselves (0: one program)")
    arguments = parser.parse_args()
    began = time.monotonic()
    killed, counts, grown = (programs.soak if arguments.programs else soak)(arguments)
    outcomes = ", ".join(f"{count} {name}" for name, count in counts.outcomes.most_common())
    print(f"{killed} kills in {time.monotonic() - began:.0f} s, seed {arguments.seed}, {arguments.threads} threads"
          + (f" in each of {arguments.programs} programs" if arguments.programs else ""))
    print(f"{counts.begun} calls: {outcomes}")
    print(f"memory since it was warm: {leftovers.Growth.text(grown)}")
    for what in counts.wrong[:20]:
        print(f"off: {what}")
    print(f"soak: {'nothing is off' if not counts.wrong else f'{len(counts.wrong)} things are off'}")
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Instructions of a call with 1 float, counted by callgrind: what its two sides cost wherever it runs.

The client is counted inside of hubcell_benchmarks_time_calls (rounds.cc). The worker runs under valgrind without its
sandbox, which valgrind cannot enter (without_sandbox.cc), and its model says what is counted (model/hubconf.py).
"""

import collections
import dataclasses
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import participants

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "model")
CLIENT_ROUND = participants.Round("1", calls=1000, warm_calls=100)
# Of model/hubconf.py.
WORKER_CALLS = 1000
WORKER_ROUND = participants.Round("1", calls=WORKER_CALLS, warm_calls=100)

WRAPPER = '''#!/bin/sh
exec env LD_PRELOAD='{library}' valgrind {options} --instr-atstart=no --callgrind-out-file='{folder}/worker.%p' \\
  --log-file='{folder}/log.%p' '{python}' "$@"
'''
SHOWN_LIBRARIES = 6
SHOWN_INCLUSIVE = 20
SHOWN_OWN = 10
OPTIONS = ["--tool=callgrind", "--quiet"]
LINE = re.compile(r"\s*([\d,]+) \([ \d.]+%\)\s+[^:]*:(.*?)(?: \[(.*)\])?")


@dataclasses.dataclass(frozen=True)
class Side:
    """What one side of a call costs, in instructions per call; mappings begin with the largest."""
    waiting: float
    by_library: dict
    own: dict  # by function
    inclusive: dict  # by function, with all that it calls

    @property
    def working(self):
        return sum(self.by_library.values()) - self.waiting


def count(programs, python):
    """(client's Side, worker's Side)"""
    library = os.path.join(programs, "hubcell-bench-without-sandbox.so")
    if shutil.which("valgrind") is None:
        raise participants.Failure("count instructions: there is no valgrind; install it: apt-get install valgrind")
    if not os.path.exists(library):
        raise participants.Failure(f"count instructions: there is no {library}; it is built where valgrind/callgrind.h is")
    with tempfile.TemporaryDirectory(prefix="hubcell-bench.") as folder:
        return count_client(programs, library, python, folder), count_worker(programs, library, python, folder)


def count_client(programs, library, python, folder):
    profile = os.path.join(folder, "client")
    command = ["valgrind", *OPTIONS, "--collect-atstart=no", "--toggle-collect=hubcell_benchmarks_time_calls",
               f"--callgrind-out-file={profile}", os.path.join(programs, "hubcell-bench-call"), python, MODEL, "double"]
    with participants.started({"client under valgrind": command}, {"LD_PRELOAD": library}) as asked:
        for participant in asked.values():
            participant.ask(CLIENT_ROUND)
    return read_profile(profile, CLIENT_ROUND.calls, "hubcell::channel::ClientChannel::wait")


def count_worker(programs, library, python, folder):
    wrapper = os.path.join(folder, "python")
    with open(os.path.join(folder, "python"), "w", encoding="utf-8") as file:
        file.write(WRAPPER.format(library=library, options=" ".join(OPTIONS), folder=folder, python=python))
    os.chmod(wrapper, 0o755)
    command = [os.path.join(programs, "hubcell-bench-call"), wrapper, MODEL, "counted"]
    with participants.started({"worker under valgrind": command}) as asked:
        for participant in asked.values():
            participant.ask(WORKER_ROUND)
        profiles = glob.glob(os.path.join(folder, "worker.*.1"))
    if len(profiles) != 1:
        raise participants.Failure(f"count instructions: the worker wrote {len(profiles)} profiles instead of 1")
    return read_profile(profiles[0], WORKER_CALLS, "hubcell::channel::WorkerChannel::next")


def read_profile(path, calls, waiting):
    """A Side from a file of callgrind's; `waiting` is the function in which that side waits for the other."""
    by_library, own, inclusive = collections.Counter(), collections.Counter(), {}
    for function, instructions, library in annotate(path, inclusive=False):
        by_library[library] += instructions / calls
        own[short_name(function)] += instructions / calls
    for function, instructions, _ in annotate(path, inclusive=True):
        inclusive.setdefault(short_name(function), instructions / calls)
    if waiting not in inclusive:
        raise participants.Failure(f"count instructions: {waiting} is not in the profile; was it renamed or inlined?")
    return Side(inclusive[waiting], dict(by_library.most_common()), dict(own.most_common()), inclusive)


def annotate(path, inclusive):
    """(function, instructions, library) of each line that callgrind_annotate prints, most instructions first."""
    command = ["callgrind_annotate", f"--inclusive={'yes' if inclusive else 'no'}", "--threshold=100", "--auto=no", path]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in printed.splitlines():
        if (found := LINE.fullmatch(line)) and not found[2].endswith("TOTALS"):
            yield found[2], int(found[1].replace(",", "")), library_name(found[3] or "")


def library_name(path):
    """"libtorch_cpu" of "/usr/lib/x86_64-linux-gnu/libtorch_cpu.so.1.13.0"."""
    return os.path.basename(path).split(".so")[0] or "unknown"


def short_name(function):
    """The name without its arguments, templates and type: "hubcell::write_value", "operator delete"."""
    name = function.replace("(anonymous namespace)::", "").replace("decltype(auto) ", "")
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    name = re.sub(r"\(.*", "", name.replace("operator()", "operator"))
    return re.sub(r"^(?!.*operator).* ", "", name)


def named(costs, pattern=""):
    """The costs whose functions match, without bare addresses and the inner levels of recursions."""
    return [(name, cost) for name, cost in costs.items()
            if re.match(pattern, name) and not re.fullmatch(r"0x[0-9a-f]+('\d+)?|.*'\d+|", name)]


def show(title, side):
    print(f"\n{title}: {side.working:,.0f} instructions a call, and {side.waiting:,.0f} in waiting\n")
    print("  by library: " + ", ".join(f"{name} {cost:,.0f}" for name, cost in list(side.by_library.items())[:SHOWN_LIBRARIES]))
    show_costs("hubcell's functions, with all that they call", named(side.inclusive, r"hubcell::(?!benchmarks)")[:SHOWN_INCLUSIVE])
    show_costs("functions by instructions of their own", named(side.own)[:SHOWN_OWN])


def show_costs(heading, costs):
    print(f"  {heading}:")
    for name, cost in costs:
        print(f"    {cost:9,.0f}  {name}")


def run(programs):
    """Counts and shows both sides; returns what the JSON says of them."""
    print("Counting the instructions of a call with 1 float; valgrind takes up to a minute to start ...", flush=True)
    client, worker = count(programs, sys.executable)
    show("Client", client)
    show("Worker, with the model's x * 2, and without the sandbox (valgrind cannot enter it)", worker)
    return {side: {"working": figure.working, "waiting": figure.waiting}
            for side, figure in (("client", client), ("worker", worker))}

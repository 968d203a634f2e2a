"""One call: hubcell beside the model in-process, torch.multiprocessing, a Pipe with numpy, and one memcpy

usage: tools/bench call [--json FILE] [--fail-if-missed] [--rounds N] [--instructions]
"""

import dataclasses
import os
import sys

import figures
import instructions
import options
import participants
import report

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "model")
ENTRY = "double"

WHO = {"hubcell-cpp": "hubcell, C++", "hubcell-cpp-ahead": "hubcell, C++, ahead", "hubcell-python": "hubcell, Python",
       "hubcell-python-empty": "hubcell, Python, empty", "in-process": "in-process",
       "torch-multiprocessing": "torch.multiprocessing", "pipe-numpy": "Pipe with numpy", "memcpy": "memcpy of the bytes"}

GOAL_TIMES_IN_PROCESS = 1.5
GOAL_TIMES_BELOW_TORCH = 50
GOAL_PICTURE_US = 60
GOAL_TIMES_MEMCPY = 1.2  # each way

EXPLANATION = """\
Everybody calls a model that answers with x * 2, without gradients; all are started first, and then called in turn,
{rounds} rounds. Times are p50 and p99 of single calls of all rounds, which one thread makes one after the other; in parentheses
what single rounds gave at least and at most. ahead: with 16 calls in flight (2 of 64 MiB), from one answer to the next.
empty: the input lies in memory of hub.empty, which goes to the worker without a copy. torch.multiprocessing: through a
Pipe, the input in shared memory from the first call on.
64 MiB: one number of each page of the answer is read, too. memcpy copies as many bytes once, and calls nothing."""


@dataclasses.dataclass(frozen=True)
class Size:
    """One size of input and answer, and the calls of a round that it gets."""
    title: str
    shape: str
    count: int
    calls: int
    warm_calls: int
    reads_answer: bool = False

    @property
    def bytes(self):
        return 4 * self.count

    def round(self, calls_max):
        return participants.Round(self.shape, min(self.calls, calls_max), min(self.warm_calls, calls_max - 1), self.reads_answer)


FLOAT = Size("1 float", "1", 1, calls=200, warm_calls=20)
PICTURE = Size("1x3x224x224", "1x3x224x224", 3 * 224 * 224, calls=100, warm_calls=10)
LARGE = Size("64 MiB", "16x1024x1024", 1 << 24, calls=4, warm_calls=1, reads_answer=True)
SIZES = (FLOAT, PICTURE, LARGE)


def commands(programs):
    python = sys.executable
    other_process = os.path.join(HERE, "other_process.py")
    package = os.path.join(os.path.dirname(programs), "python")
    through_package = [python, os.path.join(HERE, "hubcell_python.py"), package, MODEL, ENTRY]
    in_cpp = [os.path.join(programs, "hubcell-bench-call"), python, MODEL, ENTRY]
    return {"hubcell-cpp": in_cpp,
            "hubcell-cpp-ahead": [*in_cpp, "ahead"],
            "hubcell-python": through_package,
            "hubcell-python-empty": [*through_package, "empty"],
            "in-process": [python, os.path.join(HERE, "in_process.py"), MODEL, ENTRY],
            "torch-multiprocessing": [python, other_process, "torch", MODEL, ENTRY],
            "pipe-numpy": [python, other_process, "numpy", MODEL, ENTRY],
            "memcpy": [os.path.join(programs, "hubcell-bench-memcpy")]}


def measure(chosen):
    """{who: {bytes: [[ns, ...] of each round]}}"""
    with participants.started(commands(chosen.programs)) as asked:
        times = {who: {size.bytes: [] for size in SIZES} for who in asked}
        for _ in range(chosen.rounds):
            for size in SIZES:
                for who, participant in asked.items():
                    times[who][size.bytes].append(participant.ask(size.round(chosen.calls_max)))
        return times


def p50_us(times, who, size):
    return figures.p50(figures.flatten(times[who][size.bytes])) / 1e3


def goal_us(times, size):
    """What hubcell's p50 may be at most, by what the others took in this very run."""
    if size is FLOAT:
        return min(GOAL_TIMES_IN_PROCESS * p50_us(times, "in-process", size),
                   p50_us(times, "torch-multiprocessing", size) / GOAL_TIMES_BELOW_TORCH)
    if size is LARGE:
        return p50_us(times, "in-process", size) + 2 * GOAL_TIMES_MEMCPY * p50_us(times, "memcpy", size)
    return GOAL_PICTURE_US


def goal_text(size, row):
    reasons = {FLOAT: f" ({GOAL_TIMES_IN_PROCESS} times in-process, and {GOAL_TIMES_BELOW_TORCH} times below torch.multiprocessing)",
               LARGE: f" (in-process, and {GOAL_TIMES_MEMCPY} times memcpy each way)"}
    return (f"  Goal of {WHO[row['who']]}: a p50 of at most {figures.duration_text(row['goal'])}{reasons.get(size, '')}: "
            f"{'missed' if row['missed'] else 'met'}.")


def make_rows(times):
    rows = []
    for size in SIZES:
        for who in WHO:
            rounds = times[who][size.bytes]
            rows.append(report.row(
                "call", who, size.bytes, p50_us(times, who, size), figures.percentile(figures.flatten(rounds), 99) / 1e3,
                goal_us(times, size) if who == "hubcell-cpp" else None, calls_per_s=figures.per_second(figures.flatten(rounds)),
                times_in_process=figures.ratio(rounds, times["in-process"][size.bytes]),
                times_torch_multiprocessing=figures.ratio(rounds, times["torch-multiprocessing"][size.bytes])))
    return rows


def ratio_text(ratio):
    lowest, overall, highest = map(figures.times_text, ratio)
    return f"{overall} ({lowest} .. {highest})"


def print_size(size, rows):
    print(f"\n{size.title} ({size.bytes:,} bytes there and back)\n")
    lines = [(WHO[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]), f"{row['calls_per_s']:,.0f}",
              ratio_text(row["times_in_process"]), ratio_text(row["times_torch_multiprocessing"])) for row in rows]
    for line in report.table(("", "p50", "p99", "calls a second", "times in-process", "times torch.multiprocessing"), lines):
        print(line)
    for row in rows:
        if row["goal"] is not None:
            print(goal_text(size, row))


def parse_options(words):
    parser = options.Parser("call", __doc__.splitlines()[0])
    parser.add_argument("--rounds", metavar="N", type=options.positive, default=20,
                        help="rounds of each participant and size (20)")
    parser.add_argument("--calls-max", metavar="N", type=options.positive, default=1000,
                        help="calls of a round, at most (4 to 200, by size)")
    parser.add_argument("--instructions", action="store_true",
                        help="count the instructions of a call with 1 float instead (needs valgrind)")
    return parser.parse(words)


def compare(chosen):
    """Measures, shows, and returns the rows."""
    print(EXPLANATION.format(rounds=chosen.rounds), flush=True)
    rows = make_rows(measure(chosen))
    for size in SIZES:
        print_size(size, [row for row in rows if row["bytes"] == size.bytes])
    return rows


def main(words):
    chosen = parse_options(words)
    machine = report.describe_machine()
    print(f"{report.machine_text(machine)}\n{report.warning_text(machine)}", end="")
    rows, more = [], {}
    if chosen.instructions:
        more["instructions"] = instructions.run(chosen.programs)
    else:
        rows = compare(chosen)
    if chosen.json:
        report.write_json(chosen.json, machine, rows, **more)
    return 3 if chosen.fail_if_missed and any(row["missed"] for row in rows) else 0


if __name__ == "__main__":
    options.run("call", main)

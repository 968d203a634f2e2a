"""One call: hubcell beside the model in-process, torch.multiprocessing, a Pipe with numpy, and one memcpy

usage: tools/bench call [--json FILE] [--fail-if-missed] [--rounds N] [--instructions]
"""

import dataclasses
import os
import sys

import figures
import options
import participants
import report

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "model")
ENTRY = "double"

WHO = {"hubcell-cpp": "hubcell, C++", "in-process": "in-process", "torch-multiprocessing": "torch.multiprocessing",
       "pipe-numpy": "Pipe with numpy", "memcpy": "memcpy of the bytes"}


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

    def round(self):
        return participants.Round(self.shape, self.calls, self.warm_calls, self.reads_answer)


SIZES = (
    Size("1 float", "1", 1, calls=200, warm_calls=20),
    Size("1x3x224x224", "1x3x224x224", 3 * 224 * 224, calls=100, warm_calls=10),
    Size("64 MiB", "16x1024x1024", 1 << 24, calls=4, warm_calls=1, reads_answer=True),
)


def commands(programs):
    python = sys.executable
    other_process = os.path.join(HERE, "other_process.py")
    return {"hubcell-cpp": [os.path.join(programs, "hubcell-bench-call"), python, MODEL, ENTRY],
            "in-process": [python, os.path.join(HERE, "in_process.py"), MODEL, ENTRY],
            "torch-multiprocessing": [python, other_process, "torch", MODEL, ENTRY],
            "pipe-numpy": [python, other_process, "numpy", MODEL, ENTRY],
            "memcpy": [os.path.join(programs, "hubcell-bench-memcpy")]}


def measure(programs, rounds):
    """{who: {bytes: [[ns, ...] of each round]}}"""
    with participants.started(commands(programs)) as asked:
        times = {who: {size.bytes: [] for size in SIZES} for who in asked}
        for _ in range(rounds):
            for size in SIZES:
                for who, participant in asked.items():
                    times[who][size.bytes].append(participant.ask(size.round()))
        return times


def make_rows(times):
    rows = []
    for size in SIZES:
        for who in WHO:
            rounds = times[who][size.bytes]
            values = figures.flatten(rounds)
            rows.append(report.row(
                "call", who, size.bytes, figures.p50(values) / 1e3, figures.percentile(values, 99) / 1e3,
                times_in_process=figures.ratio(rounds, times["in-process"][size.bytes]),
                times_torch_multiprocessing=figures.ratio(rounds, times["torch-multiprocessing"][size.bytes])))
    return rows


def ratio_text(ratio):
    lowest, overall, highest = map(figures.times_text, ratio)
    return f"{overall} ({lowest} .. {highest})"


def print_size(size, rows):
    print(f"\n{size.title} ({size.bytes:,} bytes there and back)\n")
    lines = [(WHO[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              ratio_text(row["times_in_process"]), ratio_text(row["times_torch_multiprocessing"])) for row in rows]
    for line in report.table(("", "p50", "p99", "times in-process", "times torch.multiprocessing"), lines):
        print(line)


def parse_options(words):
    parser = options.Parser("call", __doc__.splitlines()[0])
    parser.add_argument("--rounds", metavar="N", type=options.positive, default=20,
                        help="rounds of each participant and size (20)")
    return parser.parse(words)


def main(words):
    chosen = parse_options(words)
    machine = report.describe_machine()
    print(f"{report.machine_text(machine)}\n"
          f"A model answers with x * 2; every participant is called in turn, {chosen.rounds} rounds.", flush=True)
    rows = make_rows(measure(chosen.programs, chosen.rounds))
    for size in SIZES:
        print_size(size, [row for row in rows if row["bytes"] == size.bytes])
    if chosen.json:
        report.write_json(chosen.json, machine, rows)
    return 3 if chosen.fail_if_missed and any(row["missed"] for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except participants.Failure as failure:
        sys.exit(f"tools/bench call: {failure}")

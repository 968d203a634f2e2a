"""All others, in one table of markdown

usage: tools/bench all [--json FILE] [--fail-if-missed] [--rounds N]
"""

import json
import os
import subprocess
import sys
import tempfile

import figures
import options
import participants
import report

HERE = os.path.dirname(os.path.abspath(__file__))
# Its name, and how many rounds of --rounds 20 it gets.
PARTS = {"call": 20, "start": 8, "bisect": 3, "throughput": 5, "recovery": 8, "memory": None}
SIZES = {4: "1 float", 602112: "600 KB", 67108864: "64 MiB"}


def run_part(name, chosen, folder):
    """Its rows; none where it cannot run here, which it says itself."""
    file = os.path.join(folder, name + ".json")
    command = [sys.executable, "-B", os.path.join(os.path.dirname(HERE), name, "bench.py"), "--programs", chosen.programs, "--json", file]
    if PARTS[name] is not None:
        command += ["--rounds", str(max(PARTS[name] * chosen.rounds // 20, 1))]
    print(f"{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode != 0:
        print(f"tools/bench all: {name} is left out: it ended with exit code {done.returncode}", file=sys.stderr)
        return []
    with open(file, encoding="utf-8") as rows:
        return json.load(rows)["rows"]


def figure_texts(row):
    """(what it took, what it took at worst, calls a second, a ratio)"""
    per_second = f"{row['calls_per_s']:,.0f}" if "calls_per_s" in row else ""
    if "p50_us" in row:
        ratio = next((row[name] for name in ("times_in_process", "times_fresh_process", "times_torch_hub") if name in row), None)
        return figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]), per_second, ratio_text(ratio)
    if "times_bare" in row:
        return "", "", per_second, ratio_text(row["times_bare"])
    ratio = row.get("times_fresh")
    return f"{row['memory_bytes'] / 1e6:.1f} MB", "", "", figures.times_text(ratio) if ratio else ""


def ratio_text(ratio):
    if ratio is None:
        return ""
    lowest, overall, highest = map(figures.times_text, ratio)
    return f"{overall} ({lowest} .. {highest})"


def goal_text(row):
    if row["goal"] is None:
        return ""
    if "p50_us" in row:
        return figures.duration_text(row["goal"])
    return f"{row['goal']} of bare" if "times_bare" in row else f"{row['goal'] / 1e6:.1f} MB"


def line_of(row):
    what = row["bench"] + (f", {SIZES.get(row['bytes'], row['bytes'])}" if row["bench"] == "call" else "")
    what += f", {row['workers']} at once" if "workers" in row else ""
    return [what, row["who"], *figure_texts(row), goal_text(row), "" if row["goal"] is None else "missed" if row["missed"] else "met"]


def markdown(rows):
    yield "| what | who | p50 or size | p99 | calls/s | times in-process, bare or fresh | goal | |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        yield "| " + " | ".join(line_of(row)) + " |"


def main(words):
    parser = options.Parser("all", __doc__.splitlines()[0])
    parser.add_argument("--rounds", metavar="N", type=options.positive, default=20, help="rounds of a call; others get fewer (20)")
    chosen = parser.parse(words)
    machine = report.describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in PARTS for row in run_part(name, chosen, folder)]
    if not rows:
        raise participants.Failure("nothing could be measured; what each says is above")
    print(f"{report.machine_text(machine)}\n{report.warning_text(machine)}")
    for line in markdown(rows):
        print(line)
    missed = sum(row["missed"] for row in rows)
    print(f"\n{sum(row['goal'] is not None for row in rows)} goals, {missed} missed.")
    if chosen.json:
        report.write_json(chosen.json, machine, rows)
    return 3 if chosen.fail_if_missed and missed else 0


if __name__ == "__main__":
    options.run("all", main)

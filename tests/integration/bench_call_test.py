"""`tools/bench call` with few calls: that every figure is there and fits the others, never how large it is.

Run: HUBCELL_BENCHMARKS=build/dev/benchmarks python3 bench_call_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "tools", "benchmarks")
WHO = ["hubcell-cpp", "hubcell-cpp-ahead", "hubcell-python", "hubcell-python-empty", "in-process", "torch-multiprocessing", "pipe-numpy", "memcpy"]
FIELDS = {"bench", "who", "bytes", "p50_us", "p99_us", "goal", "missed"}


def bench(*words):
    command = [sys.executable, "-B", os.path.join(BENCHMARKS, "call", "bench.py"), "--programs", os.environ["HUBCELL_BENCHMARKS"]]
    return subprocess.run([*command, *words], env={**os.environ, "PYTHONPATH": BENCHMARKS}, capture_output=True, text=True)


class BenchCall(unittest.TestCase):
    def test_every_row_is_there_and_fits_the_others(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "call.json")
            done = bench("--rounds", "2", "--calls-max", "1", "--fail-if-missed", "--json", path)
            self.assertIn(done.returncode, (0, 3), done.stderr)
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        rows = {(row["bytes"], row["who"]): row for row in found["rows"]}
        self.assertEqual(list(rows), [(size, who) for size in (4, 602112, 1 << 26) for who in WHO])
        self.assertEqual(done.returncode, 3 if any(row["missed"] for row in rows.values()) else 0)
        for (size, who), row in rows.items():
            with self.subTest(size=size, who=who):
                self.check_row(row, rows[size, "in-process"], rows[size, "torch-multiprocessing"])
                self.assertEqual(row["goal"] is not None, who == "hubcell-cpp")
        for word in ("1 float", "1x3x224x224", "64 MiB", "torch.multiprocessing", "memcpy", "p50", "p99"):
            self.assertIn(word, done.stdout)
        self.assertLessEqual({"cpu", "cores", "kernel", "python", "torch"}, set(found["machine"]))

    def check_row(self, row, in_process, torch):
        self.assertLessEqual(FIELDS, set(row))
        self.assertEqual(row["bench"], "call")
        self.assertGreater(row["p50_us"], 0)
        self.assertGreater(row["calls_per_s"], 0)
        self.assertLessEqual(row["p50_us"], row["p99_us"])
        self.assertEqual(row["missed"], row["goal"] is not None and row["p50_us"] > row["goal"])
        for name, other in (("times_in_process", in_process), ("times_torch_multiprocessing", torch)):
            lowest, overall, highest = row[name]
            self.assertAlmostEqual(overall * other["p50_us"] / row["p50_us"], 1)
            self.assertTrue(0 < lowest <= overall <= highest)

    def test_wrong_usage_is_one_line(self):
        for words, says in (("--rounds", "0"), "0 is less than 1"), (("--json", "/no/folder/x"), "/no/folder/x: No such file"), (("-q",), "-q"):
            done = bench(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
            self.assertIn(says, done.stderr)

    def test_a_participant_that_cannot_start_is_named(self):
        done = bench("--programs", "/no/programs")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("/no/programs/hubcell-bench-call", done.stderr)

    def test_the_command_lists_and_refuses(self):
        command = os.path.join(ROOT, "tools", "bench")
        listed = subprocess.run([command], capture_output=True, text=True)
        self.assertEqual(listed.returncode, 0)
        self.assertRegex(listed.stdout, r"\n  call +One call: ")
        for name in ("nothing", "../call", ""):
            refused = subprocess.run([command, name], capture_output=True, text=True)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr.count("\n")), (2, "", 1))
            self.assertIn(f"'{name}'", refused.stderr)


if __name__ == "__main__":
    unittest.main()

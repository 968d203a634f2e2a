"""The benchmarks that are Python alone, with one round: that every figure is there, never how large it is.

Run: HUBCELL_BENCHMARKS=build/dev/benchmarks python3 bench_python_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "tools", "benchmarks")


class BenchPython(unittest.TestCase):
    def run_one_round(self, name):
        """What it printed, and its rows."""
        command = [sys.executable, "-B", os.path.join(BENCHMARKS, name, "bench.py"), "--programs", os.environ["HUBCELL_BENCHMARKS"]]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.json")
            done = subprocess.run([*command, "--rounds", "1", "--json", path], env={**os.environ, "PYTHONPATH": BENCHMARKS},
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(path, encoding="utf-8") as file:
                return done.stdout, json.load(file)["rows"]

    def expect_rows(self, rows, names, ratio):
        self.assertEqual([(row["bench"], row["who"]) for row in rows], names)
        for row in rows:
            self.assertTrue(0 < row["p50_us"] <= row["p99_us"], row)
            self.assertTrue(0 < row[ratio][0] <= row[ratio][1] <= row[ratio][2], row)

    def test_sandbox(self):
        printed, rows = self.run_one_round("sandbox")
        levels = ["off", "minimal"] + ["full"] * ("full is left out" not in printed)
        self.expect_rows(rows, [(bench, level) for bench in ("sandbox-start", "sandbox-call") for level in levels], "times_off")

    def test_recovery(self):
        _, rows = self.run_one_round("recovery")
        self.expect_rows(rows, [(bench, who) for bench in ("recovery-small", "recovery-large") for who in ("error", "answer", "torch.hub")],
                         "times_torch_hub")


if __name__ == "__main__":
    unittest.main()

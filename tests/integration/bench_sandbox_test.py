"""`tools/bench sandbox` with one round: that every figure is there, never how large it is.

Run: HUBCELL_BENCHMARKS=build/dev/benchmarks python3 bench_sandbox_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "tools", "benchmarks")


class BenchSandbox(unittest.TestCase):
    def test_every_row_is_there(self):
        command = [sys.executable, "-B", os.path.join(BENCHMARKS, "sandbox", "bench.py"), "--programs", os.environ["HUBCELL_BENCHMARKS"]]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sandbox.json")
            done = subprocess.run([*command, "--rounds", "1", "--json", path], env={**os.environ, "PYTHONPATH": BENCHMARKS},
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(path, encoding="utf-8") as file:
                rows = json.load(file)["rows"]
        levels = ["off", "minimal"] + ["full"] * ("full is left out" not in done.stdout)
        self.assertEqual([(row["bench"], row["who"]) for row in rows],
                         [(bench, level) for bench in ("sandbox-start", "sandbox-call") for level in levels])
        for row in rows:
            self.assertTrue(0 < row["p50_us"] <= row["p99_us"], row)
            self.assertTrue(0 < row["times_off"][0] <= row["times_off"][1] <= row["times_off"][2], row)


if __name__ == "__main__":
    unittest.main()

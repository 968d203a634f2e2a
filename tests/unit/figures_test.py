"""What the benchmarks say about times. Run: python3 figures_test.py"""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "benchmarks"))
import figures  # noqa: E402
import report  # noqa: E402


class Figures(unittest.TestCase):
    def test_a_percentile_is_one_of_the_values(self):
        hundred = list(range(100, 0, -1))
        self.assertEqual([figures.percentile(hundred, percent) for percent in (1, 50, 99, 100)], [1, 50, 99, 100])
        self.assertEqual(figures.percentile([7], 99), 7)
        self.assertEqual(figures.p50([3, 1, 2]), 2)
        self.assertEqual(figures.p50([4, 1]), 1)

    def test_calls_a_second_are_those_of_one_after_the_other(self):
        self.assertEqual(figures.per_second([1_000_000, 3_000_000]), 500)

    def test_a_ratio_compares_the_rounds_of_the_same_moment(self):
        mine, other = [[2, 2, 2], [30, 30, 30]], [[1, 1, 1], [10, 10, 10]]
        self.assertEqual(figures.ratio(mine, other), (2.0, 2.0, 3.0))
        self.assertEqual(figures.ratio(other, other), (1.0, 1.0, 1.0))
        with self.assertRaises(ValueError):
            figures.ratio(mine, other[:1])

    def test_the_overall_ratio_lies_within_its_spread(self):
        lowest, overall, highest = figures.ratio([[1, 9, 9], [1, 1, 9]], [[1, 1, 1], [1, 1, 1]])
        self.assertLessEqual(lowest, overall)
        self.assertLessEqual(overall, highest)

    def test_durations_have_three_digits_and_a_unit(self):
        told = {0.0407: "0.041 us", 1.234: "1.23 us", 12.34: "12.3 us", 999.4: "999 us", 1430: "1.43 ms", 38512: "38.5 ms",
                2.5e6: "2.50 s", 0: "0 us"}
        self.assertEqual({number: figures.duration_text(number) for number in told}, told)

    def test_small_ratios_are_fractions(self):
        told = {2.512: "2.51", 1: "1.00", 221.3: "221", 0.31: "0.310", 0.0093: "1/108"}
        self.assertEqual({number: figures.times_text(number) for number in told}, told)


class Report(unittest.TestCase):
    def test_a_goal_is_missed_where_the_p50_exceeds_it(self):
        missed = [report.row("call", "hubcell-cpp", 4, p50, 99.0, goal)["missed"] for p50, goal in ((2, 1), (1, 1), (1, None))]
        self.assertEqual(missed, [True, False, False])

    def test_a_row_has_the_promised_fields(self):
        self.assertEqual(report.row("call", "memcpy", 4, 1.0, 2.0),
                         {"bench": "call", "who": "memcpy", "bytes": 4, "p50_us": 1.0, "p99_us": 2.0, "goal": None, "missed": False})

    def test_a_table_aligns_its_columns(self):
        self.assertEqual(list(report.table(("", "p50"), [("short", "1 us"), ("longer name", "10 us")])),
                         ["                 p50", "  short         1 us", "  longer name  10 us"])

    def test_a_busy_machine_is_told(self):
        self.assertEqual(report.warning_text({"load_before": 0.1, "cores": 2}), "")
        self.assertIn("the load was 3.5", report.warning_text({"load_before": 3.5, "cores": 2}))


if __name__ == "__main__":
    unittest.main()

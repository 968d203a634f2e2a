"""The statistics of comparisons beside scipy's and statsmodels' own. Run: python3 statistics_reference_test.py PROGRAM

PROGRAM is statistics_cases of tests/support. Exits with 77, which ctest shows as skipped, where a package is missing."""
import math
import subprocess
import sys
import unittest

try:
    import numpy
    import scipy.stats
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.proportion import proportion_confint
except ImportError as error:
    print(f"skipped: {error.name} is missing; tools/test_environments installs it")
    sys.exit(77)

PROGRAM = sys.argv.pop()
CASES = 20
TOLERANCE = 1e-9


def ours(cases):
    """The rows of numbers that the program prints for rows of (function, numbers...)."""
    lines = "".join(f"{function} {' '.join(repr(float(number)) for number in numbers)}\n" for function, *numbers in cases)
    done = subprocess.run([PROGRAM], input=lines, capture_output=True, text=True, check=True, timeout=60)
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def quantile_interval(samples, quantile, confidence):
    """By counting: the samples that lie outside the quantile with no more than the tail's probability, and the last of them."""
    ordered = numpy.sort(samples)
    below = scipy.stats.binom(len(ordered), quantile)
    tail = (1 - confidence) / 2
    lows = [x for k, x in enumerate(ordered) if below.cdf(k) <= tail]
    highs = [x for k, x in enumerate(ordered) if below.sf(k) <= tail]
    return [numpy.percentile(samples, 100 * quantile), lows[-1] if lows else -math.inf, highs[0] if highs else math.inf]


def newcombe(both, only_a, only_b, neither, confidence):
    """Newcombe 1998, method 10, of A less B, as the paper has it; turned round at the end."""
    n = both + only_a + only_b + neither
    first, second = (both + only_a) / n, (both + only_b) / n
    low1, high1 = proportion_confint(both + only_a, n, 1 - confidence, "wilson")
    low2, high2 = proportion_confint(both + only_b, n, 1 - confidence, "wilson")
    table = numpy.array([[both, only_a], [only_b, neither]], float)
    margins = table.sum(0).prod() * table.sum(1).prod()
    q = both * neither - only_a * only_b
    if q > n / 2:
        q -= n / 2
    elif q >= 0:
        q = 0
    phi = q / math.sqrt(margins) if margins else 0
    delta = math.sqrt((first - low1) ** 2 - 2 * phi * (first - low1) * (high2 - second) + (high2 - second) ** 2)
    epsilon = math.sqrt((high1 - first) ** 2 - 2 * phi * (high1 - first) * (second - low2) + (second - low2) ** 2)
    difference = first - second
    return [-difference, -(difference + epsilon), -(difference - delta)]


class Reference(unittest.TestCase):
    def setUp(self):
        self.random = numpy.random.default_rng(20240229)

    def check(self, cases, expected):
        found = ours(cases)
        self.assertEqual(len(found), len(expected))
        for case, left, right in zip(cases, found, expected):
            numpy.testing.assert_allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE, err_msg=repr(case[:6]))

    def test_normal_quantiles(self):
        probabilities = [10.0 ** -k for k in range(1, 11)] + list(self.random.random(10))
        self.check([("normal_quantile", p) for p in probabilities], [[scipy.stats.norm.ppf(p)] for p in probabilities])

    def test_quantile_intervals(self):
        cases, expected = [], []
        for i in range(CASES):
            samples = self.random.lognormal(size=self.random.integers(3, 400))
            quantile, confidence = (0.5, 0.9, 0.99, 0.25)[i % 4], (0.95, 0.99, 0.8)[i % 3]
            cases.append(("quantile_interval", quantile, confidence, *samples))
            expected.append(quantile_interval(samples, quantile, confidence))
        self.check(cases, expected)

    def test_the_quantile_interval_is_that_of_scipys_quantile_test(self):
        cases, expected = [], []
        for _ in range(CASES):
            samples = self.random.lognormal(size=self.random.integers(8, 300))
            test = scipy.stats.quantile_test(samples, q=float(numpy.median(samples)), p=0.5)
            interval = test.confidence_interval(0.95)
            cases.append(("quantile_interval", 0.5, 0.95, *samples))
            expected.append([numpy.median(samples), interval.low, interval.high])
        self.check(cases, expected)

    def test_ratios(self):
        cases, expected = [], []
        for _ in range(CASES):
            rounds = self.random.integers(2, 60)
            a, b = self.random.lognormal(size=(2, rounds, 2))
            logs = numpy.log(b).mean(axis=1) - numpy.log(a).mean(axis=1)
            cases.append(("ratio_interval", 0.95, *a.ravel(), *b.ravel()))
            expected.append(numpy.exp(quantile_interval(logs, 0.5, 0.95)))
        self.check(cases, expected)

    def test_wilsons_intervals(self):
        cases, expected = [], []
        for i in range(CASES):
            count = int(self.random.integers(1, 5000))
            hits = int((0, count, self.random.integers(0, count + 1))[min(i, 2)])
            confidence = (0.95, 0.99)[i % 2]
            cases.append(("wilson_interval", hits, count, confidence))
            expected.append([hits / count, *proportion_confint(hits, count, 1 - confidence, "wilson")])
        self.check(cases, expected)

    def test_mcnemars_test(self):
        pairs = self.random.integers(0, [[4, 4], [40, 40], [400, 500], [10_000, 10_000]], size=(5, 4, 2)).reshape(-1, 2)
        expected = [[mcnemar([[7, only_a], [only_b, 9]], exact=True).pvalue] for only_a, only_b in pairs]
        self.check([("mcnemar_p", *pair) for pair in pairs], expected)

    def test_paired_differences(self):
        tables = self.random.integers(0, [[3] * 4, [50, 9, 9, 50], [900, 50, 30, 300], [9, 90, 90, 9]], size=(5, 4, 4)).reshape(-1, 4)
        tables = [[int(cell) for cell in table] for table in tables if sum(table) > 0]
        expected = [newcombe(*table, 0.95) for table in tables]
        self.check([("paired_difference_interval", *table, 0.95) for table in tables], expected)


if __name__ == "__main__":
    unittest.main()

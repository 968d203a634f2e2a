"""What benchmarks say about many times: percentiles, and ratios with their spread over rounds.

Times come in rounds, `[[ns, ns, ...], ...]`, one list a round. Rounds of all participants alternate, so that a round's ratio
compares what ran within a moment of each other.
"""

import math


def percentile(values, percent):
    """The smallest value that at least `percent` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def p50(values):
    return percentile(values, 50)


def per_second(nanoseconds):
    """How many of them, one after the other, go into a second."""
    return len(nanoseconds) / (sum(nanoseconds) / 1e9)


def flatten(rounds):
    return [value for values in rounds for value in values]


def ratio(rounds, others):
    """(lowest, overall, highest): the overall p50 divided by the other's, and the same of the rounds that differ most."""
    by_round = [p50(mine) / p50(other) for mine, other in zip(rounds, others, strict=True)]
    overall = p50(flatten(rounds)) / p50(flatten(others))
    return min(*by_round, overall), overall, max(*by_round, overall)


def duration_text(microseconds):
    """Three digits and a unit: "0.041 us", "12.3 us", "38.5 ms"."""
    for limit, unit_us, unit in ((1e3, 1, "us"), (1e6, 1e3, "ms")):
        if microseconds < limit:
            return f"{digits(microseconds / unit_us)} {unit}"
    return f"{digits(microseconds / 1e6)} s"


def digits(number):
    """Three digits of a positive number, without an exponent."""
    if number <= 0:
        return "0"
    decimals = max(2 - math.floor(math.log10(number)), 0)
    return f"{number:.{min(decimals, 3)}f}"


def times_text(number):
    """A ratio as people read it: "2.51", and "1/108" where it is small."""
    return digits(number) if number >= 0.1 else f"1/{digits(1 / number)}"

// Estimates with the intervals that a few samples allow: quantiles of times, ratios of times, proportions of inputs.
//
// Intervals hold at the level `confidence` (0.95) without an assumption about the shape of the samples' distribution, where their
// functions say nothing else. A limit that the samples cannot give is infinite; an estimate of nothing is NaN. No
// sample may be one.
#pragma once

#include <cstdint>
#include <span>

#include <hubcell/comparison.h>

namespace hubcell::compare {

// The number that a standard normal variable stays below with probability `p`; infinite for 0 and 1.
double normal_quantile(double p);

// A quantile (0 to 1) of what independent samples were drawn from. The estimate is numpy's linear percentile; the limits are two
// of the samples themselves, so that they are too far apart, if anything: of n samples, the number below the quantile is binomial
// (David and Nagaraja, Order Statistics, 7.1). The median needs 6 samples for two finite limits at 0.95, the 99th percentile 368
// for an upper one. A lower limit is -infinity where there is none, also of quantities that are never negative. Times of calls
// that follow each other are not independent on a machine whose pace changes: there the limits lie too close together.
Interval quantile_interval(std::span<const double> samples, double quantile, double confidence);

// How many times as long B takes as A, of times measured in rounds: round i is the samples 2i and 2i + 1 of both, of calls in the
// order A B B A or B A A B, which a coin decided for each round. An odd sample at the end and rounds with a time that is not
// positive do not count.
//
// Each round gives one number, the mean of log b less that of log a; the estimate is the median of those, the interval that of
// their order statistics. Within a round what drifts steadily cancels, since both sides have the same mean place; a pace that
// both share, as long as it changes slowly, cancels, too; and the median does not mind a few rounds that something interrupted.
// What remains may depend on the rounds before it in any way, and not disturb the level: where both sides are equally fast and
// noise does not know whose call it meets, the coin turns each round's number into its negative with probability 1/2,
// independently of all others, so that the signs, which alone decide whether the interval holds 1, are those of fair coins (a
// randomisation test). Without the coin an interference whose period is that of the rounds would look like a difference;
// averaging rounds in blocks would not help, and is not needed.
Interval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence);

// Wilson's score interval of a proportion (1927; no continuity correction). [0, 1] of a count of 0.
Interval wilson_interval(std::uint64_t hits, std::uint64_t count, double confidence);

// McNemar's exact test of paired answers: the probability, were both sides equally often right, that the inputs which only one of
// them gets right are shared out as unevenly as this, two-sided. 1 where there are none.
double mcnemar_p(std::uint64_t only_a, std::uint64_t only_b);

// Inputs by who gets them right.
struct PairedCounts {
  std::uint64_t both_right = 0, only_a = 0, only_b = 0, both_wrong = 0;
  std::uint64_t count() const { return both_right + only_a + only_b + both_wrong; }
};

// B's share of right answers less A's: of paired proportions, the square-and-add interval with corrected phi (Newcombe 1998,
// Statistics in Medicine 17:2635, method 10). [-1, 1] of no inputs.
Interval paired_difference_interval(const PairedCounts& counts, double confidence);

}  // namespace hubcell::compare

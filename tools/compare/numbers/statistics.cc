#include "tools/compare/numbers/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "shared/base/check.h"

namespace hubcell::compare {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Binomial = boost::math::binomial_distribution<double>;

double linear_percentile(const std::vector<double>& sorted, double quantile) {
  const double place = quantile * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

// The least k from 0 to n that `holds`, as all after it do; n where none before it does.
template <typename Holds>
std::size_t least_place(std::size_t n, Holds holds) {
  std::size_t low = 0, high = n;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (holds(static_cast<double>(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

struct Wilson {
  double low, high;
};

Wilson wilson(double hits, double count, double confidence) {
  const double z = normal_quantile(0.5 + confidence / 2);
  const double share = hits / count, weight = z * z / count;
  const double middle = (share + weight / 2) / (1 + weight);
  const double half = z * std::sqrt((share * (1 - share) + weight / 4) / count) / (1 + weight);
  // Exactly so at the ends, where rounding would leave 1e-17.
  return {hits == 0 ? 0 : middle - half, hits == count ? 1 : middle + half};
}

// Newcombe's phi: lowered where it is positive, which widens the interval.
double corrected_phi(const PairedCounts& counts) {
  const auto both = static_cast<double>(counts.both_right), none = static_cast<double>(counts.both_wrong);
  const auto only_a = static_cast<double>(counts.only_a), only_b = static_cast<double>(counts.only_b);
  const double product = (both + only_a) * (only_b + none) * (both + only_b) * (only_a + none);
  if (product == 0) return 0;
  const double determinant = both * none - only_a * only_b;
  const double half = static_cast<double>(counts.count()) / 2;
  const double lowered = determinant > 0 ? std::max(determinant - half, 0.0) : determinant;
  return lowered / std::sqrt(product);
}

// The distance of a limit of a difference from its estimate, of the distances of limits of the two proportions from theirs.
double joined(double first, double second, double phi) {
  return std::sqrt(std::max(0.0, first * first - 2 * phi * first * second + second * second));
}

double log_ratio_of_round(std::span<const double> a, std::span<const double> b, std::size_t round) {
  const double a_first = a[2 * round], a_second = a[2 * round + 1];
  const double b_first = b[2 * round], b_second = b[2 * round + 1];
  return (std::log(b_first) + std::log(b_second) - std::log(a_first) - std::log(a_second)) / 2;
}

}  // namespace

double normal_quantile(double p) {
  HUBCELL_CHECK(p >= 0 && p <= 1);
  if (p == 0 || p == 1) return p == 0 ? -kInfinity : kInfinity;
  return quantile(boost::math::normal_distribution<double>(), p);
}

Interval quantile_interval(std::span<const double> samples, double quantile, double confidence) {
  HUBCELL_CHECK(quantile >= 0 && quantile <= 1 && confidence > 0 && confidence < 1);
  if (samples.empty()) return {.estimate = kNan, .low = -kInfinity, .high = kInfinity};
  std::vector<double> sorted(samples.begin(), samples.end());
  std::ranges::sort(sorted);
  const Binomial below(static_cast<double>(sorted.size()), quantile);
  const double tail = (1 - confidence) / 2;
  // The quantile is below the k-th sample with probability P(X < k), and above it with P(X >= k): none may exceed `tail`.
  const std::size_t n = sorted.size();
  const std::size_t lower = least_place(n, [&](double k) { return cdf(below, k) > tail; });
  const std::size_t upper = least_place(n, [&](double k) { return cdf(complement(below, k)) <= tail; });
  return {.estimate = linear_percentile(sorted, quantile),
          .low = lower == 0 ? -kInfinity : sorted[lower - 1],
          .high = upper == n ? kInfinity : sorted[upper]};
}

Interval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence) {
  std::vector<double> log_ratios;
  for (std::size_t round = 0; 2 * round + 1 < std::min(a.size(), b.size()); ++round) {
    const double log_ratio = log_ratio_of_round(a, b, round);
    if (std::isfinite(log_ratio)) log_ratios.push_back(log_ratio);
  }
  const Interval logs = quantile_interval(log_ratios, 0.5, confidence);
  return {.estimate = std::exp(logs.estimate), .low = std::exp(logs.low), .high = std::exp(logs.high)};
}

Interval wilson_interval(std::uint64_t hits, std::uint64_t count, double confidence) {
  HUBCELL_CHECK(hits <= count && confidence > 0 && confidence < 1);
  if (count == 0) return {.estimate = kNan, .low = 0, .high = 1};
  const auto [low, high] = wilson(static_cast<double>(hits), static_cast<double>(count), confidence);
  return {.estimate = static_cast<double>(hits) / static_cast<double>(count), .low = low, .high = high};
}

double mcnemar_p(std::uint64_t only_a, std::uint64_t only_b) {
  const double count = static_cast<double>(only_a) + static_cast<double>(only_b);
  if (count == 0) return 1;
  return std::min(1.0, 2 * cdf(Binomial(count, 0.5), static_cast<double>(std::min(only_a, only_b))));
}

Interval paired_difference_interval(const PairedCounts& counts, double confidence) {
  HUBCELL_CHECK(confidence > 0 && confidence < 1);
  if (counts.count() == 0) return {.estimate = kNan, .low = -1, .high = 1};
  const auto count = static_cast<double>(counts.count());
  const auto right_a = static_cast<double>(counts.both_right + counts.only_a);
  const auto right_b = static_cast<double>(counts.both_right + counts.only_b);
  const double share_a = right_a / count, share_b = right_b / count;
  const Wilson a = wilson(right_a, count, confidence), b = wilson(right_b, count, confidence);
  const double phi = corrected_phi(counts);
  const double difference = share_b - share_a;
  return {.estimate = difference,
          .low = difference - joined(share_b - b.low, a.high - share_a, phi),
          .high = difference + joined(b.high - share_b, share_a - a.low, phi)};
}

}  // namespace hubcell::compare

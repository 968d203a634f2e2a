#include "tools/compare/traffic/latency_sketch.h"

#include <algorithm>
#include <cmath>

namespace hubcell::compare {
namespace {

constexpr double kLowest = 1e-7;
constexpr double kGrowth = 1.02;

}  // namespace

void LatencySketch::add(double seconds) {
  const double place = std::log(std::max(seconds, kLowest) / kLowest) / std::log(kGrowth);
  ++buckets_[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kBuckets - 1)))];
  ++count_;
}

double LatencySketch::quantile(double share) const {
  if (count_ == 0) return 0;
  const double rank = share * static_cast<double>(count_ - 1);
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < kBuckets && static_cast<double>(below += buckets_[bucket]) <= rank)
    ++bucket;
  // The middle of the bucket, in ratios.
  return kLowest * std::pow(kGrowth, static_cast<double>(bucket) + 0.5);
}

}  // namespace hubcell::compare

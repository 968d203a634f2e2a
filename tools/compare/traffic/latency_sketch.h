// Quantiles of many latencies in little memory: a histogram whose buckets grow by 2 %, as DDSketch has them (Masson, Rim, Lee 2019). Any
// quantile is right to 1 % between 100 ns and a day, however many calls there were.
#pragma once

#include <array>
#include <cstdint>

namespace hubcell::compare {

class LatencySketch {
 public:
  void add(double seconds);
  std::uint64_t count() const { return count_; }
  // In seconds; 0 where nothing was added. `share` is from 0 to 1.
  double quantile(double share) const;

 private:
  // ln(24 h / 100 ns) / ln(1.02), and one.
  static constexpr std::size_t kBuckets = 1390;
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace hubcell::compare

// What a shadow has seen, in memory that does not grow with the calls.
#pragma once

#include <deque>

#include <hubcell/traffic.h>

#include "tools/compare/traffic/latency_sketch.h"

namespace hubcell::compare {

// "a tensor float32 [1, 3], scale an int".
std::string summary_of(const Arguments& arguments, const Keywords& keywords);
// Where two answers differ most, in one line; empty where they are within.
std::string summary_of(const ValueDifference& difference);

// Not for several threads at a time.
class ShadowBook {
 public:
  explicit ShadowBook(std::size_t last_max) : last_max_(last_max) {}

  // Counts that others keep up.
  ShadowStatistics counts;

  void note_latency(std::size_t side, double seconds) { latency_[side].add(seconds); }
  // A call that b answered, or failed in. Whether it differs.
  bool note(const ShadowedCall& call, double time);
  ShadowStatistics statistics() const;

 private:
  void keep(const ShadowedCall& call, double time, std::string what);

  std::size_t last_max_;
  std::deque<ShadowSummary> last_;
  std::array<LatencySketch, 2> latency_;
  // Of all pairs of finite elements: the sum of |b - a|, and how many there were.
  double sum_abs_ = 0, elements_ = 0;
};

}  // namespace hubcell::compare

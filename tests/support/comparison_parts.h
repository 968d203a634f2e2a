// Parts of comparisons made by hand, with figures as real ones have them.
#pragma once

#include <cmath>
#include <random>
#include <string>

#include <hubcell/comparison.h>

namespace hubcell::test {

// Figures that are the same in each run.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : engine_(seed) {}
  // The engine's own numbers: distributions of the standard library are not the same everywhere.
  double uniform() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform());
  }
  std::size_t below(std::size_t limit) {
    return static_cast<std::size_t>(uniform() * static_cast<double>(limit));
  }

 private:
  std::mt19937_64 engine_;
};

compare::Proportion proportion_of(std::uint64_t hits, std::uint64_t count);
compare::Side side_of(const std::string& repository, const std::string& ref, const std::string& entry);
compare::TensorDifference tensor_of(const std::string& path, double difference, Numbers& numbers);
compare::Preview sound_of(std::size_t index, Numbers& numbers);
compare::Preview picture_of(std::size_t index);
compare::Ranking ranking_of(std::int64_t best, double score, Numbers& numbers);
// Medians of the two sides, in seconds.
compare::SpeedResult speed_of(double a, double b, Numbers& numbers);
compare::TraceResult trace_of(Numbers& numbers);
compare::WeightsResult weights_of(Numbers& numbers);
compare::CodeResult code_of(Numbers& numbers);

}  // namespace hubcell::test

// Sums and maxima of many doubles in four lanes side by side.
//
// The order of additions is part of a sum's result, so that a compiler leaves a plain loop as it is: one addition after the
// other, each waiting for the one before. Lanes are an order that processors like; it is the same on all of them.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace hubcell::compare {

inline constexpr std::size_t kLanes = 4;

// The results of `step(lane's result so far, i)` for all i below `count`.
template <typename Step>
std::array<double, kLanes> in_lanes(std::size_t count, Step step) {
  std::array<double, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = step(lanes[lane], i + lane);
  for (; i < count; ++i)
    lanes[0] = step(lanes[0], i);
  return lanes;
}

template <typename Term>
double sum_of(std::size_t count, Term term) {
  const auto lanes = in_lanes(count, [&](double sum, std::size_t i) { return sum + term(i); });
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// The largest of numbers that are none below 0 and no NaN; 0 of none.
template <typename Term>
double max_of(std::size_t count, Term term) {
  const auto larger = [](double left, double right) { return left > right ? left : right; };
  const auto lanes = in_lanes(count, [&](double most, std::size_t i) { return larger(most, term(i)); });
  return larger(larger(lanes[0], lanes[1]), larger(lanes[2], lanes[3]));
}

}  // namespace hubcell::compare

// A budget that fills with time: what is spent above it has to be waited for.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace hubcell::process {

class RateBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Full at first, and never above `units_max`.
  RateBudget(double units_per_second, double units_max)
      : units_per_second_(units_per_second), units_max_(units_max), units_(units_max) {}

  // May go below zero: what was read was read.
  void spend(double units) { units_ -= units; }
  // How long nothing may be spent; 0 where something may.
  std::chrono::milliseconds wait(Time now) {
    const double passed_s = last_ ? std::chrono::duration<double>(now - *last_).count() : 0;
    last_ = now;
    units_ = std::min(units_max_, units_ + passed_s * units_per_second_);
    if (units_ > 0) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(
        std::chrono::duration<double>((1 - units_) / units_per_second_));
  }

 private:
  double units_per_second_;
  double units_max_;
  double units_;
  std::optional<Time> last_;
};

}  // namespace hubcell::process

// Waiting between two processes: a short spin where a second CPU can make it useful, then a futex.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace hubcell::channel {

// The CPU is told that this is a spin loop.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// How long a spin for the next event is worth, judged by how long the last ones took to come. Where this
// process may use one CPU only, never: the other side could not run meanwhile. Copies of the figure may race;
// it is advice.
class SpinBudget {
 public:
  SpinBudget();
  std::chrono::nanoseconds budget() const;
  void record(std::chrono::nanoseconds waited);

 private:
  bool useful_;
  std::atomic<std::int64_t> typical_ns_{0};
};

// Spins until `ready()` or the budget is used up; returns the last `ready()`.
template <typename Ready>
bool spin(const SpinBudget& spin_budget, Ready ready) {
  const auto end = std::chrono::steady_clock::now() + spin_budget.budget();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
    if (std::chrono::steady_clock::now() >= end) return ready();
  }
}

// Sleeps while `word` holds `expected`, for `slice` at most. May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds slice);
void futex_wake(std::atomic<std::uint32_t>& word);

}  // namespace hubcell::channel

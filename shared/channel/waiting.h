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

// How long a spin for the next event is worth, judged by whether the last ones were. Where this process may use one
// CPU only, never: the other side could not run meanwhile.
//
// How long events take to come tells little: once both sides sleep, waking them takes longer than a spin, and
// neither would ever find out that spinning had become worthwhile. So a spin is tried in full now and then, and the first
// that is worth it brings the others back. Several threads may use one budget; it is advice.
class SpinBudget {
 public:
  SpinBudget();
  // For the wait that begins.
  std::chrono::nanoseconds budget();
  // Whether that wait's event came within its spin.
  void record(bool spin_was_enough);

 private:
  bool useful_;
  std::atomic<std::uint32_t> misses_{0};  // spins in a row that were in vain
};

// Spins until `ready()` or the budget is used up; returns the last `ready()`.
template <typename Ready>
bool spin(SpinBudget& spin_budget, Ready ready) {
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

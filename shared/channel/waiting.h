// Waiting between two processes: a short spin where a second CPU can make it useful, then a futex.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>

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
  // The other side was seen awake: the next wait is worth a spin in full.
  void encourage();
  // Whether that wait's event came within its spin.
  void record(bool spin_was_enough);
  // Whether this process may use another CPU.
  bool is_useful() const { return useful_; }

 private:
  bool useful_;
  std::atomic<std::uint32_t> misses_{0};  // spins in a row that were in vain
};

// Spins until `ready()` or for `time`; returns the last `ready()`.
template <typename Ready>
bool spin_for(std::chrono::nanoseconds time, Ready ready) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
    if (std::chrono::steady_clock::now() >= end) return ready();
  }
}

template <typename Ready>
bool spin(SpinBudget& spin_budget, Ready ready) {
  return spin_for(spin_budget.budget(), std::move(ready));
}

// Keeps two processes that answer each other off one CPU, where spinning is in vain. A kernel on a virtual machine wakes a
// process where its waker is, since a CPU that sleeps looks like one that the host has taken away, and leaves it there.
//
// The way apart is to leave the CPU right before the other one is woken: that was there last, and finds it awake and free.
// Several threads may use one; it is advice.
class Placement {
 public:
  // After an exchange: this thread's CPU, and the one on which the other process says to have run.
  void note(unsigned own_cpu, unsigned other_cpu);
  // Before the other one is woken: whether both have been on one CPU for so long that leave_cpu is worth a try.
  bool take_due();

 private:
  static constexpr std::uint32_t kTogetherMin = 8;
  std::atomic<std::uint32_t> together_{0};  // exchanges in a row
  std::atomic<std::uint32_t> apart_{0};
  std::atomic<std::uint32_t> due_{kTogetherMin};
};

// The CPU that this thread is on.
unsigned this_cpu();
// Moves this thread from `cpu` to another one that it may use, if there is one; it may use `cpu` afterwards as before.
bool leave_cpu(unsigned cpu);

// Sleeps while `word` holds `expected`, for `slice` at most. May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds slice);
void futex_wake(std::atomic<std::uint32_t>& word);

}  // namespace hubcell::channel

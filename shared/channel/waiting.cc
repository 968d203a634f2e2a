#include "shared/channel/waiting.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>

namespace hubcell::channel {
namespace {

// A sleeping round trip costs 5 to 90 us, of which each side waits for the other: spinning longer gains nothing.
constexpr std::chrono::nanoseconds kSpinLong{120'000};
constexpr std::chrono::nanoseconds kSpinShort{2'000};
// So many in vain, and only one in kTrialEvery is a long one.
constexpr std::uint32_t kMissesMax = 4;
constexpr std::uint32_t kTrialEvery = 16;

bool may_use_two_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) >= 2;
}

}  // namespace

SpinBudget::SpinBudget() : useful_(may_use_two_cpus()) {}

std::chrono::nanoseconds SpinBudget::budget() {
  if (!useful_) return std::chrono::nanoseconds(0);
  const std::uint32_t misses = misses_.load(std::memory_order_relaxed);
  return misses < kMissesMax || misses % kTrialEvery == 0 ? kSpinLong : kSpinShort;
}

void SpinBudget::record(bool spin_was_enough) {
  misses_.store(spin_was_enough ? 0 : misses_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds slice) {
  if (slice.count() <= 0) return;
  timespec timeout{.tv_sec = slice.count() / 1'000'000'000, .tv_nsec = slice.count() % 1'000'000'000};
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace hubcell::channel

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

// A sleeping round trip costs 5 to 90 us: spinning longer than that gains nothing.
constexpr std::int64_t kSpinNanosecondsMax = 60'000;

bool may_use_two_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) >= 2;
}

}  // namespace

SpinBudget::SpinBudget() : useful_(may_use_two_cpus()) {}

std::chrono::nanoseconds SpinBudget::budget() const {
  if (!useful_) return std::chrono::nanoseconds(0);
  const std::int64_t typical = typical_ns_.load(std::memory_order_relaxed);
  // Waits that usually outlast the spin are not worth one; a short probe notices when that changes.
  return std::chrono::nanoseconds(typical > kSpinNanosecondsMax ? 2'000 : kSpinNanosecondsMax);
}

void SpinBudget::record(std::chrono::nanoseconds waited) {
  const std::int64_t bounded = std::min<std::int64_t>(waited.count(), 10 * kSpinNanosecondsMax);
  const std::int64_t typical = typical_ns_.load(std::memory_order_relaxed);
  typical_ns_.store(typical + (bounded - typical) / 4, std::memory_order_relaxed);
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

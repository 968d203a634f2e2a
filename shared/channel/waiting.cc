#include "shared/channel/waiting.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <optional>

namespace hubcell::channel {
namespace {

// A sleeping round trip costs 5 to 90 us more than a spinning one: what takes much longer than this gains little by a spin.
constexpr std::chrono::nanoseconds kSpinLong{250'000};
constexpr std::chrono::nanoseconds kSpinShort{2'000};
// So many in vain, and only one in kTrialEvery is a long one.
constexpr std::uint32_t kMissesMax = 4;
constexpr std::uint32_t kTrialEvery = 16;

// Moving takes 50 to 200 us. Where it does not help, because the other CPUs are busy, it is tried ever more rarely.
constexpr std::uint32_t kTogetherMax = 4096;
// So many exchanges apart, and a move has helped.
constexpr std::uint32_t kApartMin = 16;

std::optional<cpu_set_t> allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return std::nullopt;
  return allowed;
}

bool may_use_two_cpus() {
  const std::optional<cpu_set_t> allowed = allowed_cpus();
  return allowed && CPU_COUNT(&*allowed) >= 2;
}

}  // namespace

SpinBudget::SpinBudget() : useful_(may_use_two_cpus()) {}

std::chrono::nanoseconds SpinBudget::budget() {
  if (!useful_) return std::chrono::nanoseconds(0);
  const std::uint32_t misses = misses_.load(std::memory_order_relaxed);
  return misses < kMissesMax || misses % kTrialEvery == 0 ? kSpinLong : kSpinShort;
}

void SpinBudget::encourage() {
  misses_.store(std::min(misses_.load(std::memory_order_relaxed), kMissesMax - 1), std::memory_order_relaxed);
}

void SpinBudget::record(bool spin_was_enough) {
  misses_.store(spin_was_enough ? 0 : misses_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Placement::note(unsigned own_cpu, unsigned other_cpu) {
  if (own_cpu == other_cpu) {
    together_.store(together_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    apart_.store(0, std::memory_order_relaxed);
    return;
  }
  together_.store(0, std::memory_order_relaxed);
  const std::uint32_t apart = apart_.load(std::memory_order_relaxed) + 1;
  apart_.store(apart, std::memory_order_relaxed);
  if (apart == kApartMin) due_.store(kTogetherMin, std::memory_order_relaxed);
}

bool Placement::take_due() {
  const std::uint32_t due = due_.load(std::memory_order_relaxed);
  if (together_.load(std::memory_order_relaxed) < due) return false;
  together_.store(0, std::memory_order_relaxed);
  due_.store(std::min(2 * due, kTogetherMax), std::memory_order_relaxed);
  return true;
}

unsigned this_cpu() {
  return static_cast<unsigned>(std::max(::sched_getcpu(), 0));
}

bool leave_cpu(unsigned cpu) {
  const std::optional<cpu_set_t> allowed = allowed_cpus();
  if (!allowed || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &*allowed) || CPU_COUNT(&*allowed) < 2) return false;
  cpu_set_t others = *allowed;
  CPU_CLR(cpu, &others);
  if (::sched_setaffinity(0, sizeof(others), &others) != 0) return false;
  return ::sched_setaffinity(0, sizeof(*allowed), &*allowed) == 0;
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

#include "tools/compare/speed.h"

#include <algorithm>
#include <random>

#include "tools/compare/calls.h"
#include "tools/compare/numbers/statistics.h"

namespace hubcell::compare {
namespace {

using Clock = std::chrono::steady_clock;

// Inputs that are kept at hand: making one takes longer than many calls.
constexpr std::size_t kInputsMax = 16;
constexpr std::size_t kWarmUpRounds = 2;

double seconds_of_call(const Calls& calls, const Input& input) {
  calls.reset();
  const auto began = Clock::now();
  const Value answer = calls.call(input);
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// Both calls of side A and of side B.
using Round = std::array<std::array<double, 2>, 2>;

Round run_round(const std::array<Calls, 2>& calls, const Input& input, bool b_first) {
  const std::array<std::size_t, 4> order =
      b_first ? std::array<std::size_t, 4>{1, 0, 0, 1} : std::array<std::size_t, 4>{0, 1, 1, 0};
  Round round{};
  std::array<std::size_t, 2> done{};
  for (const std::size_t side : order)
    round[side][done[side]++] = seconds_of_call(calls[side], input);
  return round;
}

void summarize(const CompareOptions& options, SpeedResult& speed) {
  for (Latency& latency : speed.latency) {
    latency.p50 = quantile_interval(latency.samples, 0.5, options.confidence);
    latency.p90 = quantile_interval(latency.samples, 0.9, options.confidence);
    latency.p99 = quantile_interval(latency.samples, 0.99, options.confidence);
  }
  speed.ratio = ratio_interval(speed.latency[0].samples, speed.latency[1].samples, options.confidence);
}

// Whether enough is known, or it takes too long.
bool is_enough(const SpeedResult& speed, Clock::time_point began, const CompareOptions& options) {
  if (speed.rounds >= options.rounds) return true;
  return speed.rounds >= std::min(options.rounds, kRoundsMin) && Clock::now() - began >= options.speed_time;
}

void run_rounds(const std::array<Calls, 2>& calls, const std::vector<Input>& inputs,
                const CompareOptions& options, SpeedResult& speed) {
  for (std::size_t i = 0; i < kWarmUpRounds; ++i)
    run_round(calls, inputs[i % inputs.size()], false);
  const auto began = Clock::now();
  std::mt19937 coin(std::random_device{}());
  while (!is_enough(speed, began, options)) {
    check_stop(options);
    if (options.progress) options.progress("time calls", speed.rounds, options.rounds);
    const Round round = run_round(calls, inputs[speed.rounds % inputs.size()], (coin() & 1U) != 0);
    for (std::size_t side = 0; side < 2; ++side) {
      std::vector<double>& samples = speed.latency[side].samples;
      samples.insert(samples.end(), round[side].begin(), round[side].end());
    }
    ++speed.rounds;
  }
}

}  // namespace

void compare_speed(const Model& a, const Model& b, const InputSet& inputs,
                   const std::vector<std::size_t>& usable, const CompareOptions& options,
                   SpeedResult& speed) {
  if (usable.empty()) {
    speed.note = "there is no input that both sides answered";
    return;
  }
  std::vector<Input> kept;
  for (std::size_t i = 0; i < std::min(usable.size(), kInputsMax); ++i)
    kept.push_back(inputs.make(usable[i]));
  const std::array<Calls, 2> calls{Calls(a, options), Calls(b, options)};
  try {
    speed.note = failure_of(options, [&] { run_rounds(calls, kept, options, speed); });
  } catch (const Interrupted&) {
    summarize(options, speed);
    throw;
  }
  summarize(options, speed);
}

}  // namespace hubcell::compare

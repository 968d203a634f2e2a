#include "tools/compare/numbers/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace hubcell::compare {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> one_to(std::size_t n) {
  std::vector<double> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  return numbers;
}

TEST(Statistics, NormalQuantilesAreThoseOfTables) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_EQ(normal_quantile(0), -kInfinity);
  EXPECT_EQ(normal_quantile(1), kInfinity);
}

// The places of the order statistics that tables give for the median at 95 %.
TEST(Statistics, LimitsOfAMedianAreTheOrderStatisticsOfTables) {
  const std::array<std::array<std::size_t, 3>, 5> table{
      {{6, 1, 6}, {10, 2, 9}, {20, 6, 15}, {30, 10, 21}, {100, 40, 61}}};
  for (const auto& [n, low, high] : table) {
    const Interval found = quantile_interval(one_to(n), 0.5, 0.95);
    EXPECT_EQ(found.low, static_cast<double>(low)) << n;
    EXPECT_EQ(found.high, static_cast<double>(high)) << n;
    EXPECT_EQ(found.estimate, static_cast<double>(n + 1) / 2) << n;
  }
}

TEST(Statistics, LimitsThatTheSamplesCannotGiveAreInfinite) {
  const Interval five = quantile_interval(one_to(5), 0.5, 0.95);
  EXPECT_EQ(five.low, -kInfinity);
  EXPECT_EQ(five.high, kInfinity);
  EXPECT_EQ(quantile_interval(one_to(367), 0.99, 0.95).high, kInfinity);  // 0.99^367 = 0.0250033
  EXPECT_EQ(quantile_interval(one_to(368), 0.99, 0.95).high, 368);        // 0.99^368 = 0.0247533
  const Interval none = quantile_interval({}, 0.5, 0.95);
  EXPECT_TRUE(std::isnan(none.estimate));
  EXPECT_EQ(none.low, -kInfinity);
  EXPECT_EQ(none.high, kInfinity);
}

TEST(Statistics, EstimatesOfQuantilesAreInterpolatedAsNumpyDoes) {
  const std::vector<double> samples{40, 10, 30, 20};
  EXPECT_EQ(quantile_interval(samples, 0.5, 0.95).estimate, 25);
  EXPECT_DOUBLE_EQ(quantile_interval(samples, 0.9, 0.95).estimate, 37);
  EXPECT_EQ(quantile_interval(samples, 0, 0.95).estimate, 10);
  EXPECT_EQ(quantile_interval(samples, 1, 0.95).estimate, 40);
}

TEST(Statistics, QuantileIntervalsHoldAsOftenAsTheySay) {
  std::mt19937_64 random(7);
  std::exponential_distribution<double> exponential;
  int misses = 0;
  for (int i = 0; i < 1000; ++i) {
    std::vector<double> samples(60);
    for (double& sample : samples)
      sample = exponential(random);
    const Interval found = quantile_interval(samples, 0.9, 0.95);
    const double truth = std::log(10.0);
    misses += found.low <= truth && truth <= found.high ? 0 : 1;
  }
  EXPECT_LE(misses, 73);  // see kFalseAlarmsMax
}

TEST(Statistics, WilsonsIntervalEndsExactlyAtNoneAndAll) {
  const Interval some = wilson_interval(8, 10, 0.95);
  EXPECT_EQ(some.estimate, 0.8);
  EXPECT_NEAR(some.low, 0.4901624715, 1e-9);
  EXPECT_NEAR(some.high, 0.9433178485, 1e-9);
  EXPECT_EQ(wilson_interval(0, 10, 0.95).low, 0);
  EXPECT_NEAR(wilson_interval(0, 10, 0.95).high, 0.2775327999, 1e-9);
  EXPECT_EQ(wilson_interval(10, 10, 0.95).high, 1);
  const Interval none = wilson_interval(0, 0, 0.95);
  EXPECT_TRUE(std::isnan(none.estimate));
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 1);
}

TEST(Statistics, McNemarsTestIsTheExactBinomialOne) {
  EXPECT_DOUBLE_EQ(mcnemar_p(10, 2), 158.0 / 4096);  // 2 (1 + 12 + 66) / 2^12
  EXPECT_DOUBLE_EQ(mcnemar_p(2, 10), 158.0 / 4096);
  EXPECT_EQ(mcnemar_p(5, 5), 1);
  EXPECT_EQ(mcnemar_p(0, 0), 1);
  EXPECT_DOUBLE_EQ(mcnemar_p(0, 6), 2.0 / 64);
}

TEST(Statistics, PairedDifferencesAreOfBLessA) {
  const Interval found =
      paired_difference_interval({.both_right = 36, .only_a = 12, .only_b = 2, .both_wrong = 0}, 0.95);
  EXPECT_DOUBLE_EQ(found.estimate, -0.2);
  EXPECT_NEAR(found.low, -0.3404, 5e-5);
  EXPECT_NEAR(found.high, -0.0569, 5e-5);
  const Interval swapped =
      paired_difference_interval({.both_right = 36, .only_a = 2, .only_b = 12, .both_wrong = 0}, 0.95);
  EXPECT_DOUBLE_EQ(swapped.low, -found.high);
  EXPECT_DOUBLE_EQ(swapped.high, -found.low);
  const Interval none = paired_difference_interval({}, 0.95);
  EXPECT_TRUE(std::isnan(none.estimate));
  EXPECT_EQ(none.low, -1);
  EXPECT_EQ(none.high, 1);
}

TEST(Statistics, PairedDifferencesWhereAllAreRightHaveAWidth) {
  const Interval found =
      paired_difference_interval({.both_right = 20, .only_a = 0, .only_b = 0, .both_wrong = 0}, 0.95);
  EXPECT_EQ(found.estimate, 0);
  EXPECT_LT(found.low, 0);
  EXPECT_GT(found.high, 0);
}

TEST(Statistics, RatiosAreThoseOfRounds) {
  std::vector<double> a, b;
  for (int round = 0; round < 10; ++round) {
    const double pace = std::pow(2, round);  // that both share
    a.insert(a.end(), {pace, 4 * pace});
    b.insert(b.end(), {6 * pace, 6 * pace});
  }
  const Interval found = ratio_interval(a, b, 0.95);
  EXPECT_DOUBLE_EQ(found.estimate, 3);
  EXPECT_NEAR(found.low, 3, 1e-12);
  EXPECT_NEAR(found.high, 3, 1e-12);
}

TEST(Statistics, RoundsThatAreIncompleteOrImpossibleDoNotCount) {
  const std::vector<double> a{1, 1, 1, 1, 0, 1, 1}, b{2, 2, 2, 2, 9, 9};
  const Interval found = ratio_interval(a, b, 0.95);
  EXPECT_DOUBLE_EQ(found.estimate, 2);
  EXPECT_EQ(found.low, 0);
  EXPECT_EQ(found.high, kInfinity);
  EXPECT_TRUE(std::isnan(ratio_interval({}, {}, 0.95).estimate));
}

// ---- simulated machines

// How many times as long as usual the call takes that begins at `call`, of all calls of a comparison one after the other.
using Pace = std::function<double(int call)>;

struct Machine {
  std::string name;
  std::function<Pace(std::mt19937_64&)> start;
};

double noise(std::mt19937_64& random) {
  return std::exp(std::normal_distribution<double>(0, 0.03)(random));
}

const std::array<Machine, 6> kMachines{{
    {"lognormal noise",
     [](std::mt19937_64& random) -> Pace { return [&random](int) { return noise(random); }; }},
    {"spikes, some of them large",
     [](std::mt19937_64& random) -> Pace {
       return [&random](int) {
         const bool is_hit = std::bernoulli_distribution(0.1)(random);
         return noise(random) * (is_hit ? 1 + std::exp(std::normal_distribution<double>(0, 2)(random)) : 1);
       };
     }},
    {"linear drift",
     [](std::mt19937_64& random) -> Pace {
       return [&random](int call) { return noise(random) * (1 + 0.01 * call); };
     }},
    {"a slow random walk",
     [](std::mt19937_64& random) -> Pace {
       return [&random, level = 0.0](int) mutable {
         level = 0.98 * level + std::normal_distribution<double>(0, 0.05)(random);
         return noise(random) * std::exp(level);
       };
     }},
    {"interference with the period of a round",
     [](std::mt19937_64& random) -> Pace {
       const double phase = std::uniform_real_distribution<double>(0, 4)(random);
       return [&random, phase](int call) {
         return noise(random) * (1 + 0.05 * std::sin(std::numbers::pi / 2 * (call + phase)));
       };
     }},
    {"interference with a period of its own",
     [](std::mt19937_64& random) -> Pace {
       return [&random](int call) { return noise(random) * (std::fmod(call, 17.3) < 4 ? 1.5 : 1); };
     }},
}};

constexpr int kRounds = 30;
constexpr int kComparisons = 1000;
// Were the rate of false alarms 5 %, there would be more than 73 of 1,000 with probability 0.0007.
constexpr int kFalseAlarmsMax = 73;

enum class Order { Coin, Fixed };

Interval simulate(const Machine& machine, std::mt19937_64& random, double slowdown_of_b, Order order) {
  const Pace pace = machine.start(random);
  std::array<std::vector<double>, 2> times;
  for (int call = 0; call < 4 * kRounds; call += 4) {
    const std::size_t outer = order == Order::Coin && std::bernoulli_distribution(0.5)(random) ? 1 : 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t side = i == 0 || i == 3 ? outer : 1 - outer;
      times[side].push_back(0.01 * pace(call + i) * (side == 1 ? slowdown_of_b : 1));
    }
  }
  return ratio_interval(times[0], times[1], 0.95);
}

int found_differences(const Machine& machine, double slowdown_of_b, Order order = Order::Coin) {
  std::mt19937_64 random(20240229);
  int found = 0;
  for (int i = 0; i < kComparisons; ++i) {
    const Interval ratio = simulate(machine, random, slowdown_of_b, order);
    found += ratio.low > 1 || ratio.high < 1 ? 1 : 0;
  }
  return found;
}

TEST(SimulatedComparisons, EquallyFastModelsAreToldApartNoMoreOftenThanStated) {
  for (const Machine& machine : kMachines) {
    const int alarms = found_differences(machine, 1);
    RecordProperty(machine.name, alarms);
    EXPECT_LE(alarms, kFalseAlarmsMax) << machine.name;
  }
}

TEST(SimulatedComparisons, FivePercentAreFoundInMost) {
  for (const Machine& machine : kMachines) {
    const int hits = found_differences(machine, 1.05);
    EXPECT_GT(hits, kComparisons / 2) << machine.name;
  }
}

TEST(SimulatedComparisons, IntervalsHoldTheTrueRatioAsOftenAsStated) {
  for (const Machine& machine : kMachines) {
    std::mt19937_64 random(11);
    int misses = 0;
    for (int i = 0; i < kComparisons; ++i) {
      const Interval ratio = simulate(machine, random, 1.2, Order::Coin);
      misses += ratio.low <= 1.2 && 1.2 <= ratio.high ? 0 : 1;
    }
    EXPECT_LE(misses, kFalseAlarmsMax) << machine.name;
  }
}

// Why a coin decides the order.
TEST(SimulatedComparisons, InAFixedOrderInterferenceWithTheRoundsPeriodWouldLookLikeADifference) {
  EXPECT_GT(found_differences(kMachines[4], 1, Order::Fixed), kComparisons / 2);
}

}  // namespace
}  // namespace hubcell::compare

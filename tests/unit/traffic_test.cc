// Sides of a split, and a second model beside the first: without workers, whose part functions play here.
#include <hubcell/traffic.h>

#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <limits>
#include <set>

#include "tests/support/error_of.h"
#include "tests/support/sample_values.h"
#include "tools/compare/traffic/latency_sketch.h"

namespace hubcell::compare {
namespace {

using namespace std::chrono_literals;
using tests::error_of;

Tensor floats(std::vector<float> numbers) {
  return Tensor::of(DType::Float32, {static_cast<std::int64_t>(numbers.size())}, numbers);
}

// ---- contents

TEST(ContentHash, IsTheSameInEveryVersion) {
  EXPECT_EQ(content_hash(None{}), 0x2d06800538d394c2) << "what XXH3 makes of nothing";
  EXPECT_EQ(content_hash("user 7"), 15021514781708388359U);
  EXPECT_EQ(content_hash(7), 12979176353255401480U);
  EXPECT_EQ(content_hash(Bytes{"user 7"}), 11131251214075687475U);
  EXPECT_EQ(content_hash(floats({1, 2, 3})), 16799051704660911405U);
  EXPECT_EQ(content_hash({1, List{{"a", 0.5}}}, {{"x", floats({1})}}), 9023782285133633895U);
}

TEST(ContentHash, DiffersForEveryKind) {
  std::set<std::uint64_t> hashes;
  std::vector<std::string> again;
  for (const auto& [name, value] : tests::sample_values())
    if (!hashes.insert(content_hash(value)).second) again.push_back(name);
  // The first one of the three that have one tensor is new: gradients are no content.
  EXPECT_EQ(again, (std::vector<std::string>{"parameter", "frozen parameter"}));
}

TEST(ContentHash, LooksThroughStridesAndOrders) {
  const Tensor rows = Tensor::of<std::int16_t>(DType::Int16, {2, 2}, {1, 2, 3, 4});
  const Tensor columns = Tensor::of<std::int16_t>(DType::Int16, {2, 2}, {1, 3, 2, 4});
  EXPECT_EQ(content_hash(rows),
            content_hash(Tensor::strided(DType::Int16, {2, 2}, {1, 2}, columns.owner(), columns.data())));
  EXPECT_EQ(content_hash(Dict{{{"a", 1}, {"b", 2}}}), content_hash(Dict{{{"b", 2}, {"a", 1}}}));
  EXPECT_EQ(content_hash(Set{{1, 2}}), content_hash(Set{{2, 1}}));
  EXPECT_EQ(content_hash({}, {{"a", 1}, {"b", 2}}), content_hash({}, {{"b", 2}, {"a", 1}}));
  EXPECT_NE(content_hash(List{{1, 2}}), content_hash(List{{2, 1}}));
}

TEST(ContentHash, RefusesAHandle) {
  EXPECT_EQ(error_of([] {
              content_hash(List{{Handle{.id = 1, .class_name = "net.Net", .lease = nullptr}}});
            }).code(),
            ErrorCode::Usage);
}

// ---- shares

std::vector<double> shares_found(const ShareRule& rule, std::size_t keys) {
  std::vector<double> found(rule.shares().size());
  for (std::size_t key = 0; key < keys; ++key)
    found[rule.side_of(content_hash(key))] += 1.0 / static_cast<double>(keys);
  return found;
}

TEST(ShareRule, GivesEachSideItsShare) {
  constexpr std::size_t kKeys = 20'000;
  for (const std::vector<double>& weights : {std::vector<double>{0.95, 0.05},
                                             {1, 1, 1},
                                             {60, 30, 10},
                                             {1, 0, 3},
                                             {1e-12, 1e-12},
                                             {1e300, 3e300}}) {
    std::vector<Share> shares;
    double sum = 0;
    for (const double weight : weights)
      sum += weight, shares.push_back({.label = std::to_string(shares.size()), .weight = weight});
    const std::vector<double> found = shares_found(ShareRule(shares), kKeys);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double share = weights[i] / sum;
      EXPECT_NEAR(found[i], share, 5 * std::sqrt(share * (1 - share) / kKeys))
          << i << " of " << weights.size();
    }
  }
}

TEST(ShareRule, MovesOnlyWhatHasTo) {
  const ShareRule before({{"a", 0.5}, {"b", 0.3}, {"c", 0.2}}), after({{"a", 0.5}, {"b", 0.3}, {"c", 0.4}});
  constexpr std::uint64_t kKeys = 20'000;
  std::uint64_t moved = 0;
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const std::size_t from = before.side_of(content_hash(key)), to = after.side_of(content_hash(key));
    if (from == to) continue;
    EXPECT_EQ(to, 2U) << "only the side that grew takes keys";
    ++moved;
  }
  const double needed = 0.4 / 1.2 - 0.2;
  EXPECT_NEAR(static_cast<double>(moved) / kKeys, needed, 5 * std::sqrt(needed / kKeys));
}

TEST(ShareRule, KnowsSidesByTheirLabels) {
  const ShareRule one({{"stable", 0.9}, {"canary", 0.1}}), other({{"canary", 0.1}, {"stable", 0.9}});
  for (std::uint64_t key = 0; key < 1000; ++key)
    EXPECT_EQ(one.shares()[one.side_of(key)].label, other.shares()[other.side_of(key)].label);
}

TEST(ShareRule, ChoosesTheSameSidesInEveryVersion) {
  const ShareRule rule({{"stable", 0.5}, {"canary", 0.5}});
  std::string sides;
  for (int user = 0; user < 32; ++user)
    sides += std::to_string(rule.side_of(content_hash("user " + std::to_string(user))));
  EXPECT_EQ(sides, "00101101111010111011110011001111");
}

TEST(ShareRule, RefusesWeightsThatCannotBe) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double weight : {-0.1, inf, std::nan("")})
    EXPECT_NE(std::string(error_of([&] {
                            ShareRule({{"a", 1}, {"b", weight}});
                          }).what())
                  .find("'b'"),
              std::string::npos);
  EXPECT_EQ(error_of([] { ShareRule({{"a", 0}, {"b", 0}}); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([] { ShareRule({{"a", 1}, {"a", 1}}); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([] { ShareRule({}); }).code(), ErrorCode::Usage);
}

Callee answering(Value answer) {
  return
      [answer](const std::string&, const Arguments&, const Keywords&, const CallOptions&) { return answer; };
}

TEST(Split, GivesACallToOneSideAndCounts) {
  Split split({{answering("a"), {"a", 1}}, {answering("b"), {"b", 1}}},
              [](const Arguments& arguments, const Keywords&) { return arguments[0]; });
  std::uint64_t to_a = 0;
  for (int user = 0; user < 100; ++user) {
    const std::string side = split.call("", {user, "one"}).text();
    EXPECT_EQ(split.call("forward", {user, "another"}).text(), side);
    to_a += side == "a" ? 2 : 0;
  }
  EXPECT_EQ(split.counts(), (std::vector<std::uint64_t>{to_a, 200 - to_a}));
  EXPECT_TRUE(to_a > 0 && to_a < 200);
}

// ---- latencies

TEST(LatencySketch, KnowsQuantilesToAPercent) {
  LatencySketch sketch;
  EXPECT_EQ(sketch.quantile(0.5), 0);
  for (int i = 1; i <= 10'000; ++i)
    sketch.add(i * 1e-5);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0})
    EXPECT_NEAR(sketch.quantile(share), share * 0.1, share * 0.1 * 0.0105) << share;
  sketch.add(0);
  sketch.add(1e12);
  EXPECT_EQ(sketch.count(), 10'002U);
}

// ---- a shadow

// A model that answers once it is let to.
struct Gate {
  std::promise<void> opened;
  std::shared_future<void> is_open = opened.get_future().share();
  std::atomic<int> calls = 0;
  Callee callee() {
    return [this](const std::string&, const Arguments& arguments, const Keywords&, const CallOptions&) {
      ++calls;
      is_open.wait();
      return arguments[0];
    };
  }
};

TEST(Shadow, NeverWaitsForB) {
  Gate gate;
  Shadow shadow(gate.callee(), {.in_flight_max = 3});
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(shadow.call(answering(i), "", {i}).integer(), i);
  EXPECT_FALSE(shadow.wait(0ms));
  EXPECT_EQ(shadow.statistics().dropped, 7U);
  EXPECT_EQ(shadow.statistics().in_flight, 3U);
  gate.opened.set_value();
  ASSERT_TRUE(shadow.wait(60s));
  const ShadowStatistics seen = shadow.statistics();
  EXPECT_EQ(std::tuple(seen.calls, seen.compared, seen.equal, seen.differing), std::tuple(10U, 3U, 3U, 0U));
  EXPECT_EQ(seen.latency[0].count, 10U);
  EXPECT_EQ(seen.latency[1].count, 3U);
}

TEST(Shadow, ComparesWhatThereWasAtTheTimeOfTheCall) {
  Gate gate;
  Shadow shadow(gate.callee(), {});
  const Tensor given = floats({1, 2}), answer = floats({1, 2});
  shadow.call(answering(answer), "", {given});
  given.items<float>()[0] = answer.items<float>()[1] = 7;
  gate.opened.set_value();
  ASSERT_TRUE(shadow.wait(60s));
  EXPECT_EQ(shadow.statistics().equal, 1U);
}

TEST(Shadow, KeepsWhatDiffers) {
  std::vector<std::uint64_t> told;
  Shadow shadow(answering(floats({1, 2.5})), {.last_max = 2, .on_difference = [&](const ShadowedCall& call) {
                                                told.push_back(call.number);
                                                throw std::runtime_error("no more room");
                                              }});
  for (int i = 0; i < 3; ++i) {
    shadow.call(answering(floats({1, 2})), "forward", {floats({0})}, {{"scale", i}});
    ASSERT_TRUE(shadow.wait(60s));
  }
  shadow.call(answering(floats({1, 2.5})), "", {});
  ASSERT_TRUE(shadow.wait(60s));
  const ShadowStatistics seen = shadow.statistics();
  EXPECT_EQ(told, (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(std::tuple(seen.compared, seen.differing, seen.equal), std::tuple(4U, 3U, 1U));
  EXPECT_EQ(std::tuple(seen.callback_errors, seen.callback_error), std::tuple(3U, "no more room"));
  EXPECT_EQ(seen.max_abs, 0.5);
  EXPECT_DOUBLE_EQ(seen.mean_abs, 3 * 0.5 / 8);
  ASSERT_EQ(seen.last.size(), 2U);
  EXPECT_EQ(seen.last[1].number, 2U);
  EXPECT_EQ(seen.last[1].arguments, "a tensor float32 [1], scale an int");
  EXPECT_EQ(seen.last[1].what, "max_abs 0.5, 1 of 2 outside");
}

TEST(Shadow, CountsErrorsOfBothAndGivesOnThoseOfA) {
  const Callee failing = [](const std::string&, const Arguments&, const Keywords&,
                            const CallOptions&) -> Value { throw Error(ErrorCode::WorkerDied, "it died"); };
  Shadow shadow(failing, {});
  EXPECT_EQ(error_of([&] { shadow.call(failing, ""); }).code(), ErrorCode::WorkerDied);
  shadow.call(answering(1), "");
  ASSERT_TRUE(shadow.wait(60s));
  const ShadowStatistics seen = shadow.statistics();
  EXPECT_EQ(std::tuple(seen.calls, seen.failed_a, seen.failed_b, seen.compared), std::tuple(2U, 1U, 1U, 0U));
  EXPECT_EQ(seen.last.at(0).what, "WorkerDied: it died");
}

TEST(Shadow, BoundsTheBytesInFlight) {
  Gate gate;
  Shadow shadow(gate.callee(), {.bytes_max = 100});
  shadow.call(answering(1), "", {floats(std::vector<float>(20))});
  shadow.call(answering(1), "", {floats(std::vector<float>(6))});           // its arguments are too much
  shadow.call(answering(floats(std::vector<float>(6))), "", {floats({})});  // its answer
  shadow.call(answering(1), "", {Handle{.id = 1, .class_name = "net.Net", .lease = nullptr}});
  EXPECT_EQ(shadow.statistics().dropped, 2U);
  EXPECT_EQ(shadow.statistics().skipped, 1U);
  gate.opened.set_value();
  ASSERT_TRUE(shadow.wait(60s));
}

TEST(Shadow, EndsWhileBHangs) {
  struct Hanging : Gate {
    std::promise<void> began, ended;
  };
  const auto b = std::make_shared<Hanging>();
  {
    Shadow shadow(
        [b](const std::string& method, Arguments arguments, Keywords keywords, CallOptions options) {
          b->began.set_value();
          Value answer = b->callee()(method, std::move(arguments), std::move(keywords), std::move(options));
          b->ended.set_value();
          return answer;
        },
        {});
    shadow.call(answering(1), "", {1});
    b->began.get_future().wait();
    shadow.call(answering(1), "", {1});
  }
  b->opened.set_value();
  b->ended.get_future().wait();
  EXPECT_EQ(b->calls, 1) << "what waited is not asked any more";
}

}  // namespace
}  // namespace hubcell::compare

// What callers do with objects of a worker, and with calls in flight.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/support/error_of.h"
#include "tests/support/kinds_repository.h"
#include "tests/support/sample_values.h"
#include "tests/support/test_repository.h"

namespace hubcell {
namespace {

using namespace std::chrono_literals;
using tests::error_of;

class ObjectsTest : public testing::Test {
 protected:
  ObjectsTest() {
    tests::write_kinds_repository(kinds_);
    tests::write_test_repository(models_, "one");
  }

  Value load(const std::string& entry, Arguments arguments = {}, CallOptions options = {.grad = true}) {
    return hub_.load(kinds_.path(), entry, std::move(arguments), {}, std::move(options));
  }
  Object net() { return hub_.load(models_.path(), "net"); }

  tests::TemporaryFolder kinds_, models_;
  Hub hub_{{.python = "/usr/bin/python3"}};
};

void await_running(const Future& call) {
  while (!call.is_running())
    std::this_thread::sleep_for(1ms);
}

TEST_F(ObjectsTest, EveryVerbOfAnObject) {
  const Object config = load("config");
  EXPECT_EQ(config.attribute("conf").real(), 0.5);
  config.set_attribute("conf", 0.25);
  EXPECT_EQ(config.attribute("conf").real(), 0.25);
  EXPECT_EQ(config.item(Slice{{1, None{}, 2}})[1].as<Slice>().bounds[2].integer(), 2);
  EXPECT_TRUE(config.item(Tuple{{Ellipsis{}, 0}})[1][0].is<Ellipsis>());
  config.set_item("key", List{{1, 2}});
  EXPECT_EQ(config.attribute("items").find("key")->size(), 2U);
  EXPECT_EQ(config.size(), 3U);
  EXPECT_TRUE(config.contains("one"));
  EXPECT_FALSE(config.contains(2));
  EXPECT_FALSE(config.is_true());
  EXPECT_TRUE(config.equals("equal"));
  EXPECT_TRUE(config.equals(load("config"))) << "another object of the same worker";
  EXPECT_FALSE(config.equals(3));
  EXPECT_TRUE(config.operate("lt", {1}).as<bool>());
  EXPECT_EQ(config.operate("hash").integer(), 5);
  EXPECT_EQ(config.str(), "a config");
  EXPECT_EQ(config.repr(), "Config()");
  const std::vector<std::string> names = config.dir();
  EXPECT_NE(std::ranges::find(names, "method"), names.end());
  EXPECT_NE(Object(config.attribute("method")).help().find("Adds one."), std::string::npos);
  config.operate("delattr", {"conf"});
  EXPECT_FALSE(config.operate("hasattr", {"conf"}).as<bool>());
  EXPECT_EQ(error_of([&] { config.operate("no such thing"); }).code(), ErrorCode::Usage);
}

TEST_F(ObjectsTest, GeneratorsAreStepped) {
  ObjectIterator steps = Object(load("generator", {3})).iterate();
  std::vector<std::int64_t> seen;
  while (const std::optional<Value> item = steps.next())
    seen.push_back((*item)[0].integer());
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_FALSE(steps.next().has_value());
}

TEST_F(ObjectsTest, AContextManagerIsEnteredAndLeft) {
  const Object config = load("config");
  {
    const With scope(config);
    EXPECT_EQ(scope.value().text(), "entered");
  }
  try {
    const With scope(config);
    throw std::runtime_error("of the caller");
  } catch (const std::runtime_error&) {
  }
  const Value log = config.attribute("log");
  EXPECT_EQ(log.size(), 4U);
  EXPECT_TRUE(log[1].is<None>());
  EXPECT_EQ(log[3].text(), "RuntimeError: an exception in the caller's program");
}

TEST_F(ObjectsTest, AnObjectOfAnotherWorkerIsRefused) {
  const Object config = load("config");
  const Error error = error_of([&] { net().call("echo", {List{{config}}}); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_NE(std::string(error.what()).find("stays in its own worker"), std::string::npos) << error.what();
}

TEST_F(ObjectsTest, OneObjectInTwoPlacesIsOneHandle) {
  const Object config = load("config");
  const Value both = load("echo", {config, config});
  EXPECT_EQ(both[0].as<Handle>().id, both[1].as<Handle>().id);
}

TEST_F(ObjectsTest, CallsFromManyThreadsAllGetTheirOwnAnswer) {
  const Object model = net();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  // More than there are slots: they wait for one.
  for (int t = 0; t < 80; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i)
        if (model.call("echo", {t * 100 + i})[0].integer() != t * 100 + i) ++wrong;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ObjectsTest, ManyCallsInFlightAreBounded) {
  const Object model = net();
  std::vector<Future> calls;
  calls.push_back(model.call_async("nap", {0.5}));
  for (int i = 1; i < 64; ++i)
    calls.push_back(model.call_async("echo", {i}));
  const Error full = error_of([&] { model.call_async("echo", {64}); });
  EXPECT_EQ(full.code(), ErrorCode::Usage);
  EXPECT_FALSE(calls[1].wait_for(1ms));
  for (std::size_t i = 1; i < 64; ++i)
    EXPECT_EQ(calls[i].get()[0].integer(), static_cast<std::int64_t>(i));
}

TEST_F(ObjectsTest, ACancelledCallIsInterruptedOrNeverBegun) {
  const Object model = net();
  Future running = model.call_async("spin");
  await_running(running);
  Future queued = model.call_async("keep", {1});
  EXPECT_TRUE(queued.cancel());
  EXPECT_EQ(error_of([&] { queued.get(); }).code(), ErrorCode::Cancelled);
  EXPECT_TRUE(running.cancel());
  EXPECT_EQ(error_of([&] { running.get(); }).code(), ErrorCode::Cancelled);
  EXPECT_TRUE(model.call("get_kept").is<None>()) << "what was cancelled before its turn never ran";
  Future answered = model.call_async("echo", {2});
  ASSERT_TRUE(answered.wait_for(20s));
  EXPECT_FALSE(answered.cancel());
  EXPECT_EQ(answered.get()[0].integer(), 2);
}

TEST_F(ObjectsTest, AThreadThatWaitsSeesTheCancellationOfAnother) {
  const Object model = net();
  Future call = model.call_async("spin");
  std::thread other([&] {
    await_running(call);
    call.cancel();
  });
  EXPECT_EQ(error_of([&] { call.get(); }).code(), ErrorCode::Cancelled);
  other.join();
  EXPECT_EQ(model.call("echo", {1})[0].integer(), 1);
}

TEST_F(ObjectsTest, WhatCannotBeInterruptedDiesOfItsCancellation) {
  const tests::TemporaryFolder marks;
  Hub hub({.python = "/usr/bin/python3", .allow_write = {marks.path()}});
  const Object model = hub.load(models_.path(), "net");
  // A call that has not got as far as its first line is given up without a kill.
  const std::filesystem::path mark = marks.path() / "naps";
  Future deaf = model.call_async("nap_deaf", {mark.string()});
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       !std::filesystem::exists(mark) && std::chrono::steady_clock::now() < end;)
    std::this_thread::sleep_for(1ms);
  Future behind = model.call_async("echo", {1});
  EXPECT_TRUE(deaf.cancel());
  EXPECT_EQ(error_of([&] { deaf.get(); }).code(), ErrorCode::Cancelled);
  EXPECT_EQ(error_of([&] { behind.get(); }).code(), ErrorCode::WorkerDied);
  EXPECT_EQ(model.call("echo", {1})[0].integer(), 1);
}

TEST_F(ObjectsTest, GradientsAreRecordedWhereTheCallerAsks) {
  const Object drawer = load("drawer");
  EXPECT_FALSE(drawer.call("grad_mode").as<bool>());
  const Tensor x = Tensor::of<float>(DType::Float32, {2}, {3, 4}).with_grad(true);
  const Value gradient = drawer.call("square_gradient", {x}, {}, {.grad = true});
  EXPECT_EQ(gradient.tensor().items<float>()[1], 8.0F);
  EXPECT_TRUE(load("grad_mode").as<bool>()) << "an entrypoint, by default";
  EXPECT_FALSE(load("grad_mode", {}, {.grad = false}).as<bool>());
}

// The state of the worker's own generator, as another program's would be.
Value generator_state(Hub& hub, const std::string& folder) {
  Value state;
  hub.load(folder, "draws", {}, {}, {.state = Dict{{{"torch", None{}}}}, .changed_state = &state});
  return *state.find("torch");
}

TEST_F(ObjectsTest, RandomNumbersFollowTheCallersState) {
  const Object drawer = load("drawer");
  const Value state = generator_state(hub_, kinds_.path());
  Value changed;
  const CallOptions options{.state = Dict{{{"torch", state}}}, .changed_state = &changed};
  const Value first = drawer.call("draw", {}, {}, options);
  const Value moved = changed;
  const Value second = drawer.call("draw", {}, {}, options);
  EXPECT_EQ(tests::difference(second, first), "") << "the same state, the same numbers";
  EXPECT_EQ(tests::difference(changed, moved), "");
  const Value third = drawer.call("draw", {}, {}, {.state = moved, .changed_state = &changed});
  EXPECT_NE(tests::difference(third, first), "");
  drawer.call("still", {}, {}, {.state = changed, .changed_state = &changed});
  EXPECT_TRUE(changed.is<None>()) << "a call that draws nothing";
  const Error failed = error_of([&] { drawer.call("fails", {}, {}, options); });
  EXPECT_EQ(failed.remote()->builtin, "ValueError");
  EXPECT_TRUE(changed.is<Dict>()) << "a call that draws and fails";
}

TEST_F(ObjectsTest, ALoadSeesAllOfTheCallersRandomStatesAndDefaults) {
  Value changed;
  const auto load_with = [&](const Value& state) {
    return load("draws", {}, {.grad = true, .state = state, .changed_state = &changed});
  };
  load_with(Dict{{{"torch", None{}}, {"python", None{}}, {"numpy", None{}}}});
  const Value state = changed;
  ASSERT_TRUE(state.find("python") != nullptr && state.find("numpy") != nullptr);
  const Value first = load_with(state);
  EXPECT_EQ(tests::difference(load_with(state), first), "");
  Dict doubled = state.as<Dict>();
  doubled.items.emplace_back("default_dtype", DType::Float64);
  EXPECT_EQ(load_with(doubled)[0].tensor().dtype(), DType::Float64);
  EXPECT_EQ(error_of([&] { load_with(Dict{{{"no such state", 1}}}); }).remote()->builtin, "ValueError");
}

TEST_F(ObjectsTest, AutocastLastsForItsCall) {
  const Object drawer = load("drawer");
  const Value autocast = drawer.call("autocast", {}, {}, {.state = Dict{{{"autocast", DType::BFloat16}}}});
  EXPECT_EQ(autocast.as<TorchConstant>().name, "bfloat16");
  EXPECT_EQ(drawer.call("autocast").as<TorchConstant>().name, "float32");
}

TEST_F(ObjectsTest, ArgumentsReachEntrypointsAsTheirSignaturesSay) {
  tests::TemporaryFolder folder;
  folder.write("hubconf.py", R"(
def entry(a, b=2, *rest, c, d="four", **more): return a, b, rest, c, d, more
)");
  const Value answer = hub_.load(folder.path(), "entry", {1, List{{Dict{{{"x", 1}}}}}, 3, 4},
                                 {{"c", true}, {"extra", None{}}});
  EXPECT_EQ(answer[1][0].find("x")->integer(), 1);
  EXPECT_EQ(answer[2].size(), 2U);
  EXPECT_TRUE(answer[3].as<bool>());
  EXPECT_EQ(answer[4].text(), "four");
  EXPECT_TRUE(answer[5].find("extra")->is<None>());
  EXPECT_EQ(error_of([&] { hub_.load(folder.path(), "entry", {1}); }).remote()->builtin, "TypeError");
}

}  // namespace
}  // namespace hubcell

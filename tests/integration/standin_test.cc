// Client and supervisor against a C++ stand-in for the interpreter: every call has one outcome, whatever the
// worker does. Runs under every sanitizer.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <signal.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "shared/value/copied_bytes.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

using namespace std::chrono_literals;
using tests::error_of;

class StandinTest : public testing::Test {
 protected:
  StandinTest() { folder_.write("hubconf.py", ""); }

  Hub make_hub(std::chrono::milliseconds deadline = 0ms) {
    return Hub({.python = HUBCELL_STANDIN, .memory_bytes = 64 << 20, .deadline = deadline});
  }
  std::string repository() const { return folder_.path(); }

  tests::TemporaryFolder folder_;
};

TEST_F(StandinTest, ValuesAndTensorsComeBack) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const Tensor tensor = Tensor::of<float>(DType::Float32, {2, 2}, {1, 2, 3, 4});
  const Value answer = model.call("echo", {1, "two", tensor, List{{true, None{}}}, model});
  EXPECT_EQ(answer[0].integer(), 1);
  EXPECT_EQ(answer[2].tensor().items<float>()[3], 4.0F);
  EXPECT_EQ(answer[4].as<Handle>().class_name, "standin.Model");
}

TEST_F(StandinTest, ACallCopiesItsArgumentsOnceAndItsAnswerNever) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const auto copied_by = [&](const Tensor& input) {
    const std::uint64_t before = copied_bytes;
    const Value answer = model.call("echo", {input});
    EXPECT_EQ(std::memcmp(answer[0].tensor().data(), input.data(), input.bytes()), 0);
    return copied_bytes - before;
  };
  const Tensor own = Tensor::zeros(DType::Float32, {1000, 100});
  EXPECT_EQ(copied_by(own), own.bytes());
  const Tensor shared = model.empty(DType::Float32, {1000, 100});
  copy_items(shared, own.data(), own.bytes());
  EXPECT_EQ(copied_by(shared), 0U);
}

TEST_F(StandinTest, TensorsOutliveLaterCallsAndAreReusedWhenDropped) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  std::vector<Value> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(model.call("echo", {Tensor::of<std::int64_t>(DType::Int64, {1}, {i})}));
  }
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(answers[static_cast<std::size_t>(i)][0].tensor().items<std::int64_t>()[0], i);
  // 200 answers of 8 MiB pass through an area of 64 MiB only if dropped ones are given back.
  const Tensor large = Tensor::zeros(DType::UInt8, {8 << 20});
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(model.call("echo", {large})[0].tensor().bytes(), large.bytes());
}

TEST_F(StandinTest, ArgumentsThatTheModelKeepsAreNotOverwritten) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const Tensor large = Tensor::zeros(DType::UInt8, {40 << 20});
  model.call("hold", {large});
  EXPECT_EQ(error_of([&] { model.call("echo", {large}); }).code(), ErrorCode::System);
  model.call("hold", {1});
  EXPECT_NO_THROW(model.call("hold", {large}));
}

TEST_F(StandinTest, ManyThreadsCallOneModel) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i)
        EXPECT_EQ(model.call("echo", {thread * 1000 + i})[0].integer(), thread * 1000 + i);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

TEST_F(StandinTest, FuturesAreAnsweredInAnyOrderAndMayBeDropped) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  std::vector<Future> futures;
  for (int i = 0; i < 40; ++i)
    futures.push_back(model.call_async("echo", {i}));
  EXPECT_EQ(futures[39].get()[0].integer(), 39);
  EXPECT_EQ(futures[0].get()[0].integer(), 0);
  futures.clear();
  // The slots of dropped futures come back.
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(model.call("echo", {i})[0].integer(), i);
}

TEST_F(StandinTest, AForeignExceptionCarriesItsTypeMessageAndTraceback) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const Error error = error_of([&] { model.call("fail"); });
  EXPECT_EQ(error.code(), ErrorCode::Remote);
  EXPECT_EQ(error.remote()->builtin, "ValueError");
  EXPECT_NE(std::string(error.what()).find("ValueError: on request"), std::string::npos);
}

TEST_F(StandinTest, ADeathIsOneErrorForEachCallInFlightAndThenTheModelAnswersAgain) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  Future dying = model.call_async("segfault");
  Future queued = model.call_async("echo", {1});
  const Error first = error_of([&] { dying.get(); });
  EXPECT_EQ(first.code(), ErrorCode::WorkerDied);
  EXPECT_NE(std::string(first.what()).find("SIGSEGV"), std::string::npos) << first.what();
  EXPECT_EQ(error_of([&] { queued.get(); }).code(), ErrorCode::WorkerDied);
  EXPECT_EQ(model.call("echo", {5})[0].integer(), 5);
  const Object other = hub.load(repository(), "model");
  EXPECT_EQ(other.pid(), model.pid());
}

TEST_F(StandinTest, AnExitNamesItsCodeAndTheLastLine) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  model.call("print", {3});
  const Error error = error_of([&] { model.call("exit", {7}); });
  EXPECT_NE(std::string(error.what()).find("exited with code 7"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos) << error.what();
}

TEST_F(StandinTest, ASiblingsCallInFlightIsUntouched) {
  tests::TemporaryFolder other;
  other.write("hubconf.py", "");
  Hub hub = make_hub();
  const Object dying = hub.load(repository(), "model");
  const Object sibling = hub.load(other.path(), "model");
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  std::thread caller([&] {
    while (!stop) {
      EXPECT_EQ(sibling.call("echo", {3})[0].integer(), 3);
      ++answered;
    }
  });
  EXPECT_EQ(error_of([&] { dying.call("segfault"); }).code(), ErrorCode::WorkerDied);
  const int before = answered;
  while (answered < before + 10)
    std::this_thread::yield();
  stop = true;
  caller.join();
}

TEST_F(StandinTest, ADeadlineInterruptsAndTheWorkerLives) {
  Hub hub = make_hub(100ms);
  const Object model = hub.load(repository(), "model");
  const Error error = error_of([&] { model.call("wait"); });
  EXPECT_EQ(error.code(), ErrorCode::DeadlineExceeded);
  EXPECT_NE(std::string(error.what()).find("interrupted"), std::string::npos) << error.what();
  EXPECT_EQ(model.call("echo", {1})[0].integer(), 1);
}

TEST_F(StandinTest, AWorkerThatIsDeafToInterruptsIsKilled) {
  Hub hub = make_hub(100ms);
  const Object model = hub.load(repository(), "model");
  const Error error = error_of([&] { model.call("stall"); });
  EXPECT_EQ(error.code(), ErrorCode::DeadlineExceeded);
  EXPECT_NE(std::string(error.what()).find("killed"), std::string::npos) << error.what();
  EXPECT_EQ(model.call("echo", {1})[0].integer(), 1);
}

TEST_F(StandinTest, EveryLieEndsThatWorkerAlone) {
  for (const char* lie : {"lie_frame", "lie_block", "lie_release"}) {
    Hub hub = make_hub();
    const Object model = hub.load(repository(), "model");
    const Error error = error_of([&] { model.call(lie, {Tensor::zeros(DType::UInt8, {64})}); });
    EXPECT_EQ(error.code(), ErrorCode::Protocol) << lie;
    EXPECT_EQ(model.call("echo", {1})[0].integer(), 1) << lie;
  }
}

TEST_F(StandinTest, AnObjectDoesNotTravelToAnotherWorker) {
  tests::TemporaryFolder other;
  other.write("hubconf.py", "");
  Hub hub = make_hub();
  const Object here = hub.load(repository(), "model");
  const Object there = hub.load(other.path(), "model");
  const Error error = error_of([&] { there.call("echo", {here}); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_NE(std::string(error.what()).find("stays in its own worker"), std::string::npos);
}

TEST_F(StandinTest, AFolderWithoutHubconfIsRefusedInOneLine) {
  tests::TemporaryFolder empty;
  Hub hub = make_hub();
  const Error error = error_of([&] { hub.load(empty.path(), "model"); });
  EXPECT_EQ(error.code(), ErrorCode::Source);
  EXPECT_NE(std::string(error.what()).find("no hubconf.py"), std::string::npos);
}

TEST_F(StandinTest, AnInterpreterThatDoesNotExistIsRefusedInOneLine) {
  Hub hub({.python = "/nowhere/python"});
  EXPECT_EQ(error_of([&] { hub.load(repository(), "model"); }).code(), ErrorCode::Usage);
}

TEST_F(StandinTest, AnInterpreterThatEndsAtOnceIsRefusedInOneLine) {
  Hub hub({.python = "/bin/true"});
  const Error error = error_of([&] { hub.load(repository(), "model"); });
  EXPECT_NE(std::string(error.what()).find("exited with code 0"), std::string::npos) << error.what();
}

TEST_F(StandinTest, WorkersEndWithTheirHub) {
  std::int64_t pid = 0;
  {
    Hub hub = make_hub();
    pid = Object(hub.load(repository(), "model")).info().pid;
    EXPECT_EQ(::kill(static_cast<pid_t>(pid), 0), 0);
  }
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (::kill(static_cast<pid_t>(pid), 0) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_NE(::kill(static_cast<pid_t>(pid), 0), 0);
}

TEST_F(StandinTest, WeightsThatAWorkerSharesAreSeenByItsProgramAlone) {
  Hub hub = make_hub(), other_hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const Object again = hub.load(repository(), "model");
  const Object other = other_hub.load(repository(), "model");
  const Value number = model.call("share", {"weights"});
  EXPECT_EQ(model.call("share", {"weights"}).integer(), number.integer()) << "equal ones are one";
  EXPECT_NE(model.call("share", {"others"}).integer(), number.integer());
  const Tensor seen = model.call("name_segment", {number})[0].tensor();
  EXPECT_EQ(std::memcmp(seen.data(), "weights", 8), 0);
  // The caller's own: what it writes reaches nobody.
  *const_cast<std::byte*>(seen.data()) = std::byte{'W'};
  const Tensor again_seen = model.call("name_segment", {number})[0].tensor();
  EXPECT_EQ(std::memcmp(again_seen.data(), "weights", 8), 0);
  // Of a worker that does not map it nobody learns what it holds.
  EXPECT_EQ(error_of([&] { other.call("name_segment", {number}); }).code(), ErrorCode::Protocol);
}

TEST_F(StandinTest, SegmentsThatThereAreNotAreALie) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  for (const std::int64_t number : {std::int64_t{77}, std::int64_t{0xffffffff}})
    EXPECT_EQ(error_of([&] { model.call("name_segment", {number}); }).code(), ErrorCode::Protocol) << number;
}

TEST_F(StandinTest, AnAnswerNamesNoMoreSegmentsThanAWorkerMayHave) {
  Hub hub = make_hub();
  const Object model = hub.load(repository(), "model");
  const Value number = model.call("share", {"weights"});
  EXPECT_EQ(model.call("name_segment", {number, 100}).size(), 100U);
  const Error error = error_of([&] { model.call("name_segment", {number, 8193}); });
  EXPECT_EQ(error.code(), ErrorCode::Protocol) << error.what();
}

TEST_F(StandinTest, LiesAboutWeightsEndTheWorkerAndNobodyElse) {
  Hub hub = make_hub(), other_hub = make_hub();
  const Object other = other_hub.load(repository(), "model");
  for (const char* lie : {"share_mapped", "share_unwritten", "share_unasked", "drop_unknown"}) {
    const Object model = hub.load(repository(), "model");
    const Error error = error_of([&] { model.call(lie, {"weights"}); });
    EXPECT_EQ(error.code(), ErrorCode::WorkerDied) << lie << ": " << error.what();
    EXPECT_EQ(other.call("echo", {1})[0].integer(), 1) << lie;
    EXPECT_EQ(model.call("echo", {1})[0].integer(), 1) << "it comes back after " << lie;
  }
}

}  // namespace
}  // namespace hubcell

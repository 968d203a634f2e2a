// Replicas, with the C++ stand-in for the interpreter: which of them serves a call, what reaches all, what a death costs.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "shared/posix/unique_fd.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

using tests::error_of;

class ReplicasTest : public testing::Test {
 protected:
  ReplicasTest() { folder_.write("hubconf.py", ""); }

  static HubOptions options(unsigned replicas) {
    return {.python = HUBCELL_STANDIN,
            .memory_bytes = 64 << 20,
            .output = Output::Discard,
            .replicas = replicas,
            .stateless = true};
  }
  Object load(Hub& hub) { return hub.load(folder_.path(), "model"); }

  // A call that keeps one replica busy until this is gone.
  class Busy {
   public:
    explicit Busy(const Object& model) : call_(model.call_async("wait")) {}
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() {
      call_.cancel();
      error_of([this] { call_.get(); });
    }

   private:
    Future call_;
  };

  static void kill_and_wait(std::int64_t pid) {
    const posix::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ASSERT_TRUE(process);
    ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
    pollfd entry{.fd = process.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
  }

  tests::TemporaryFolder folder_;
};

TEST_F(ReplicasTest, OptionsThatCannotBeAreRefusedInOneLine) {
  HubOptions stateful = options(2);
  stateful.stateless = false;
  const Error error = error_of([&] { Hub hub(stateful); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_NE(std::string(error.what()).find("say stateless"), std::string::npos) << error.what();
  EXPECT_EQ(error_of([&] { Hub hub(options(0)); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([&] { Hub hub(options(65)); }).code(), ErrorCode::Usage);
}

TEST_F(ReplicasTest, ACallGoesWhereTheFewestAreInFlight) {
  Hub hub(options(3));
  const Object model = load(hub);
  const std::vector<std::int64_t> pids = model.info().pids;
  ASSERT_EQ(pids.size(), 3U);
  EXPECT_EQ(model.info().replicas, 3U);
  EXPECT_EQ(model.call("pid").integer(), pids[0]);
  {
    const Busy first(model);
    EXPECT_EQ(model.call("pid").integer(), pids[1]);
    const Busy second(model);
    EXPECT_EQ(model.call("pid").integer(), pids[2]);
  }
  EXPECT_EQ(model.call("pid").integer(), pids[0]);
}

TEST_F(ReplicasTest, AnAnswerThatNobodyTookYetKeepsNoReplicaBusy) {
  Hub hub(options(2));
  const Object model = load(hub);
  const std::vector<std::int64_t> pids = model.pids();
  Future answered = model.call_async("pid");
  while (!answered.wait_for(std::chrono::seconds(1)))
    continue;
  EXPECT_EQ(model.call("pid").integer(), pids[0]);
  EXPECT_EQ(answered.get().integer(), pids[0]);
}

TEST_F(ReplicasTest, ThreadsThatCallAtOnceAreAnsweredEach) {
  Hub hub(options(2));
  const Object model = load(hub);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i)
        EXPECT_EQ(model.call("echo", {thread * 1000 + i, model})[0].integer(), thread * 1000 + i);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

TEST_F(ReplicasTest, WhatACallReturnedStaysInItsReplica) {
  Hub hub(options(2));
  const Object model = load(hub), other = load(hub);
  const std::vector<std::int64_t> pids = model.pids();
  const auto make = [&] { return Object(model.call("echo", {Tuple{{model, other}}})[0][0]); };
  const Object first = make();
  std::optional<Object> second;
  {
    const Busy busy(model);
    second.emplace(make());
  }
  EXPECT_EQ(first.pid(), pids[0]);
  EXPECT_EQ(second->pid(), pids[1]);
  EXPECT_EQ(second->call("pid").integer(), pids[1]);
  // Wherever it is in the arguments.
  const Value echoed = model.call("echo", {List{{Dict{{{"it", *second}}}}}, other});
  EXPECT_EQ(Object(echoed[1]).pid(), pids[1]);
  const Error error = error_of([&] { model.call("echo", {first, *second}); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_NE(std::string(error.what()).find("(replica 2) to "), std::string::npos) << error.what();
}

TEST_F(ReplicasTest, AChangeReachesAll) {
  Hub hub(options(2));
  const Object model = load(hub);
  model.set_attribute("conf", 5);
  EXPECT_EQ(model.call("recall", {"conf"}).integer(), 5);
  const Busy busy(model);
  EXPECT_EQ(model.call("recall", {"conf"}).integer(), 5);
}

TEST_F(ReplicasTest, AReplicaThatRefusesAChangeIsToldAndLoadedAgain) {
  for (const std::size_t refuser : {0U, 1U}) {
    Hub hub(options(2));
    const Object model = load(hub);
    const std::vector<std::int64_t> pids = model.pids();
    model.set_attribute("conf", 5);
    EXPECT_EQ(error_of([&] { model.set_attribute("refused_by", pids[refuser]); }).code(), ErrorCode::Remote);
    // As the first did, so it is: where that refused, the other has to forget.
    for (int replica = 0; replica < 2; ++replica) {
      std::optional<Busy> busy;
      if (replica == 1) busy.emplace(model);
      EXPECT_EQ(model.call("recall", {"conf"}).integer(), 5);
      EXPECT_EQ(model.call("recall", {"refused_by"}).is<None>(), refuser == 0);
    }
    EXPECT_EQ(model.pids()[0], pids[0]);
    EXPECT_NE(model.pids()[1], pids[1]);
  }
}

TEST_F(ReplicasTest, WhatWouldReachOneOnlyIsRefused) {
  Hub hub(options(2));
  const Object model = load(hub);
  const Object part = model.call("echo", {model})[0];
  EXPECT_EQ(error_of([&] { model.set_item(0, 1); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([&] { model.call_async("eval"); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([&] { model.set_attribute("part", part); }).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of([&] { model.attribute("eval"); }).code(), ErrorCode::Usage);
  EXPECT_NO_THROW(part.set_attribute("conf", 1));
}

TEST_F(ReplicasTest, ADeathCostsItsOwnCallsAndNoOthers) {
  Hub hub(options(2));
  const Object model = load(hub);
  const std::vector<std::int64_t> pids = model.pids();
  model.set_attribute("conf", 5);
  std::optional<Busy> busy(model);
  Future dying = model.call_async("segfault");
  EXPECT_EQ(error_of([&] { dying.get(); }).code(), ErrorCode::WorkerDied);
  busy.reset();
  EXPECT_EQ(model.call("pid").integer(), pids[0]) << "what is idle comes before what has to be loaded again";
  busy.emplace(model);
  EXPECT_EQ(model.call("recall", {"conf"}).integer(), 5);
  EXPECT_NE(model.pids()[1], pids[1]);
  EXPECT_EQ(model.pids()[0], pids[0]);
}

TEST_F(ReplicasTest, TheEndOfAnIdleReplicaIsNobodysError) {
  Hub hub(options(2));
  const Object model = load(hub);
  const std::vector<std::int64_t> pids = model.pids();
  kill_and_wait(pids[0]);
  EXPECT_EQ(model.call("pid").integer(), pids[1]);
  kill_and_wait(pids[1]);
  EXPECT_NE(model.call("pid").integer(), pids[1]);
}

TEST_F(ReplicasTest, DeathsAndChangesMeetManyThreads) {
  Hub hub(options(2));
  const Object model = load(hub);
  std::atomic<bool> stop = false;
  const auto until_stopped = [&](const std::function<void(std::int64_t)>& work) {
    for (std::int64_t i = 0; !stop; ++i) {
      try {
        work(i);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::WorkerDied) << error.what();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back(
        [&] { until_stopped([&](std::int64_t i) { EXPECT_EQ(model.call("echo", {i})[0].integer(), i); }); });
  }
  threads.emplace_back([&] { until_stopped([&](std::int64_t i) { model.set_attribute("conf", i); }); });
  for (int death = 0; death < 6; ++death) {
    const std::size_t replica = death % 2;
    const std::int64_t pid = model.pids()[replica];
    kill_and_wait(pid);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (model.pids()[replica] == pid && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    EXPECT_NE(model.pids()[replica], pid);
  }
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  const std::int64_t conf = model.call("recall", {"conf"}).integer();
  const Busy busy(model);
  EXPECT_EQ(model.call("recall", {"conf"}).integer(), conf);
}

TEST_F(ReplicasTest, TwoLoadsShareTheWorkers) {
  Hub hub(options(2));
  const Object one = load(hub), other = load(hub);
  EXPECT_EQ(one.pids(), other.pids());
}

}  // namespace
}  // namespace hubcell

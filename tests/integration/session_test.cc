// How a session ends before its objects do: it is closed, whoever waits gives up, or the program forks.
#include <gtest/gtest.h>
#include <hubcell/hub.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_repository.h"

namespace hubcell {
namespace {

using tests::error_of;

class SessionTest : public testing::Test {
 protected:
  SessionTest() { tests::write_test_repository(folder_, "one"); }
  std::string repository() const { return folder_.path(); }

  tests::TemporaryFolder folder_;
};

struct GivenUp : std::exception {};

TEST_F(SessionTest, ObjectsOfAClosedHubNameNothing) {
  Hub hub({.python = "/usr/bin/python3"});
  const Object net = hub.load(repository(), "net");
  Future running = net.call_async("nap", {60.0});
  hub.close();
  EXPECT_EQ(error_of([&] { running.get(); }).code(), ErrorCode::StaleHandle);
  EXPECT_EQ(error_of([&] { net.call("echo", {1}); }).code(), ErrorCode::StaleHandle);
  EXPECT_EQ(error_of([&] { hub.list(repository()); }).code(), ErrorCode::System);
}

TEST_F(SessionTest, WhatAPollThrowsEndsTheWaitAndTheCallButNotTheSession) {
  std::atomic<bool> gives_up = false;
  Hub hub({.python = "/usr/bin/python3", .poll = [&] {
             if (gives_up.exchange(false)) throw GivenUp();
           }});
  const Object net = hub.load(repository(), "net");
  gives_up = true;
  EXPECT_THROW(net.call("spin"), GivenUp);
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1);
}

TEST_F(SessionTest, APollEndsTheWaitForASupervisorToo) {
  Hub hub({.python = "/usr/bin/python3", .poll = [] { throw GivenUp(); }});
  EXPECT_THROW(hub.load(repository(), "net"), GivenUp);
}

// The child reads what it was given before, is refused the rest, and changes nothing of its parent's.
TEST_F(SessionTest, AForkedChildIsToldThatItIsOne) {
  Hub hub({.python = "/usr/bin/python3"});
  const Object net = hub.load(repository(), "net");
  std::optional<Value> answer = net.call("forward", {Tensor::of<float>(DType::Float32, {2}, {1, 2})});
  const pid_t child = ::fork();
  if (child == 0) {
    const bool reads = answer->tensor().items<float>()[1] == 2;
    const bool is_told = error_of([&] { net.call("echo", {1}); }).code() == ErrorCode::Usage;
    answer.reset();
    hub.abandon();
    ::_exit(reads && is_told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(answer->tensor().items<float>()[1], 2);
  EXPECT_EQ(net.call("echo", {1})[0].integer(), 1);
}

}  // namespace
}  // namespace hubcell

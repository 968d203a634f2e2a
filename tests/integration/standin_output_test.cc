// What workers print reaches the streams of the program, whatever the worker and the reader do. Runs under every
// sanitizer.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <optional>

#include "tests/support/captured_streams.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

using tests::error_of;

class StandinOutputTest : public testing::Test {
 protected:
  StandinOutputTest() {
    folder_.write("hubconf.py", "");
    other_.write("hubconf.py", "");
  }

  // A model whose worker prints to pipes that the test reads.
  Object load(Output output = Output::Inherit) {
    streams_.emplace(tests::capture_streams([&] {
      hub_.emplace(HubOptions{.python = HUBCELL_STANDIN, .memory_bytes = 64 << 20, .output = output});
    }));
    return hub_->load(folder_.path(), "model");
  }
  // Ends everything; what came through the two streams, to the end.
  std::pair<std::string, std::string> end() {
    hub_.reset();
    return {streams_->output.read_to_end(), streams_->errors.read_to_end()};
  }

  tests::TemporaryFolder folder_;
  tests::TemporaryFolder other_;
  std::optional<tests::CapturedStreams> streams_;
  std::optional<Hub> hub_;
};

TEST_F(StandinOutputTest, EachStreamReachesItsOwnWhileTheWorkerLives) {
  {
    const Object model = load();
    model.call("write", {1, "to output\n"});
    streams_->output.read_until("to output\n");
    model.call("write", {2, "to errors\n"});
    streams_->errors.read_until("to errors\n");
  }
  const auto [output, errors] = end();
  EXPECT_EQ(output, "to output\n");
  EXPECT_EQ(errors, "to errors\n");
}

TEST_F(StandinOutputTest, WhatWasPrintedJustBeforeTheEndIsNotLost) {
  {
    const Object model = load();
    model.call("write", {1, "an answer came after this\nunfinished"});
  }
  EXPECT_EQ(end().first, "an answer came after this\nunfinished\n");
}

TEST_F(StandinOutputTest, PrefixedLinesAllGoToStandardErrorAndNoneToStandardOutput) {
  {
    const Object model = load(Output::Prefixed);
    model.call("write", {1, "one\n"});
    streams_->errors.read_until("one\n");
    model.call("write", {2, "two\n"});
  }
  const auto [output, errors] = end();
  EXPECT_EQ(output, "");
  EXPECT_TRUE(errors.starts_with("[")) << errors;
  EXPECT_NE(errors.find("] one\n["), std::string::npos) << errors;
  EXPECT_TRUE(errors.ends_with("] two\n")) << errors;
}

TEST_F(StandinOutputTest, DiscardedLinesAreStillNamedByTheErrorOfADeath) {
  {
    const Object model = load(Output::Discard);
    model.call("write", {1, "to output\n"});
    model.call("write", {2, "the reason\n"});
    const Error error = error_of([&] { model.call("exit", {7}); });
    EXPECT_NE(std::string(error.what()).find("the reason"), std::string::npos) << error.what();
  }
  const auto [output, errors] = end();
  EXPECT_EQ(output + errors, "");
}

TEST_F(StandinOutputTest, AWorkerThatPrintsWithoutEndKeepsNobodyElseWaiting) {
  const Object flooding = load();
  Future never = flooding.call_async("flood", {1});
  streams_->output.read_until("flood\n");
  const Object sibling = hub_->load(other_.path(), "model");
  EXPECT_EQ(sibling.call("echo", {1})[0].integer(), 1);
}

TEST_F(StandinOutputTest, AStreamThatNobodyReadsStopsNeitherTheWorkerNorTheSupervisor) {
  {
    const Object model = load();
    const std::string line = std::string(1000, '.') + "\n";
    for (int number = 0; number < 1000; ++number)
      model.call("write", {1, line});
    EXPECT_EQ(Object(hub_->load(other_.path(), "model")).call("echo", {1})[0].integer(), 1);
    streams_->output.read_until(".\n");
  }
  const auto [output, errors] = end();
  EXPECT_NE(errors.find("lines were dropped: the reader does not keep up)\n"), std::string::npos) << errors;
  EXPECT_LT(output.size(), 1000U * 1001U);
}

TEST_F(StandinOutputTest, AReaderOfStandardOutputThatIsGoneIsNobodysEnd) {
  const Object model = load();
  streams_->output.close();
  for (int number = 0; number < 10; ++number)
    model.call("write", {1, "nobody reads this\n"});
  model.call("write", {2, "still here\n"});
  streams_->errors.read_until("still here\n");
  EXPECT_EQ(Object(hub_->load(other_.path(), "model")).call("echo", {1})[0].integer(), 1);
}

}  // namespace
}  // namespace hubcell

// Every way in which code in a real interpreter prints, and where it arrives.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "tests/support/captured_streams.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

constexpr const char* kHubconf = R"(
import ctypes, logging, os, sys, warnings
libc = ctypes.CDLL(None)

def prints(): print("print", 1, "äö")
def stderr(): sys.stderr.write("sys.stderr\n")
def warns(): warnings.warn("take care")
def logs(): logging.warning("logging.warning")
def writes(): os.write(1, b"os.write 1\n"); os.write(2, b"os.write 2\n")
def flushes(): libc.puts(b"puts and fflush"); libc.fflush(None)
def puts(): libc.puts(b"puts alone")
def long_line(): print("x" * 10_000_000); print("the next line")
def flood(): sys.stdout.write(("a line of a flood" * 10 + "\n") * 60_000)
def bar():
    for percent in range(101): sys.stderr.write(f"\r{percent:3}%|{'#' * (percent // 10):10}|")
    sys.stderr.write("\n")
def dies():
    sys.stderr.write("unfinished")
    sys.stdout.write("also unfinished")
    os._exit(3)
)";

class WorkerOutputTest : public testing::Test {
 protected:
  WorkerOutputTest() {
    folder_.write("hubconf.py", kHubconf);
    streams_.emplace(tests::capture_streams([&] { hub_.emplace(HubOptions{.python = "/usr/bin/python3"}); }));
  }

  void call(const std::string& entry) { hub_->load(folder_.path(), entry); }
  tests::PipeReader& output() { return streams_->output; }
  tests::PipeReader& errors() { return streams_->errors; }
  void end() { hub_.reset(); }

  tests::TemporaryFolder folder_;
  std::optional<tests::CapturedStreams> streams_;
  std::optional<Hub> hub_;
};

TEST_F(WorkerOutputTest, EveryWayOfPrintingReachesItsStreamAtOnce) {
  call("prints");
  output().read_until("print 1 äö\n");
  call("stderr");
  errors().read_until("sys.stderr\n");
  call("warns");
  errors().read_until("UserWarning: take care\n");
  call("logs");
  errors().read_until("WARNING:root:logging.warning\n");
  call("writes");
  output().read_until("os.write 1\n");
  errors().read_until("os.write 2\n");
  call("flushes");
  output().read_until("puts and fflush\n");
  call("puts");
  output().read_until("puts alone\n");
  end();
  EXPECT_EQ(output().read_to_end(), "print 1 äö\nos.write 1\nputs and fflush\nputs alone\n");
}

TEST_F(WorkerOutputTest, ALineOf10MegabytesIsCutWithAMark) {
  call("long_line");
  const std::string text = output().read_until("the next line\n");
  end();
  const std::size_t mark = text.find(" ... (");
  ASSERT_NE(mark, std::string::npos);
  EXPECT_LT(mark, 5000U);
  EXPECT_TRUE(text.ends_with(" more bytes of this line)\nthe next line\n"));
}

TEST_F(WorkerOutputTest, AFloodIsBoundedAndSaysSo) {
  std::thread reader([&] { output().read_to_end(); });
  call("flood");
  errors().read_until("(it prints too much: the rest is not shown)\n");
  end();
  reader.join();
  const std::string& shown = output().read_to_end();
  EXPECT_GT(shown.size(), 8U << 20);
  EXPECT_LT(shown.size(), (8U << 20) + 200);
  EXPECT_TRUE(shown.ends_with("a line of a flood\n"));
}

TEST_F(WorkerOutputTest, AProgressBarIsAFewLinesAndEndsWithItsEnd) {
  call("bar");
  const std::string text = errors().read_until("100%|##########|\n");
  end();
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find("  0%|          |\n"), std::string::npos) << text;
  EXPECT_LT(std::ranges::count(text, '\n'), 50) << text;
}

TEST_F(WorkerOutputTest, UnfinishedLinesOfAWorkerThatDiesAreShown) {
  const Error error = tests::error_of([&] { call("dies"); });
  EXPECT_EQ(error.code(), ErrorCode::WorkerDied);
  EXPECT_NE(std::string(error.what()).find("its last line: unfinished"), std::string::npos) << error.what();
  output().read_until("also unfinished\n");
  errors().read_until("unfinished\n");
}

}  // namespace
}  // namespace hubcell

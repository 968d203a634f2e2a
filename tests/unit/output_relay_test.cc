// The relay between a worker's pipes and the caller's streams, in one thread with both ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <csignal>
#include <functional>

#include "shared/posix/process.h"
#include "shared/wire/limits.h"
#include "supervisor/process/output_relay.h"

namespace hubcell::process {
namespace {

using namespace std::chrono_literals;
using wire::WorkerOutput;

// Both ends of a pipe, neither of which waits.
struct TestPipe {
  TestPipe() {
    std::tie(read_end, write_end) = posix::make_pipe();
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  }
  // False where it is full.
  bool write(std::string_view text) const {
    ::fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
    return ::write(write_end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  // What lies in it is added to `seen`.
  void read() {
    std::array<char, 65536> buffer{};
    for (ssize_t count = 0; (count = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;)
      seen.append(buffer.data(), static_cast<std::size_t>(count));
  }

  posix::UniqueFd read_end;
  posix::UniqueFd write_end;
  std::string seen;
};

class Relay : public testing::Test {
 protected:
  Relay() { std::signal(SIGPIPE, SIG_IGN); }

  void start(WorkerOutput destination) {
    OutputRelay::Pipes pipes{std::move(worker_output_.read_end), std::move(worker_errors_.read_end)};
    relay_.emplace(loop_, std::move(pipes), streams_, destination, "owner/name@ref");
    auto running = [](OutputRelay& relay, bool& has_ended) -> Task<void> {
      co_await relay.run();
      has_ended = true;
    };
    asio::co_spawn(loop_, running(*relay_, has_ended_), asio::detached);
  }

  // Runs the loop, reading what the caller would read, until `happened`.
  void run_until(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!happened() && std::chrono::steady_clock::now() < end) {
      loop_.run_one_for(10ms);
      output_.read();
      errors_.read();
    }
    EXPECT_TRUE(happened()) << "out: " << output_.seen.substr(0, 200)
                            << "\nerr: " << errors_.seen.substr(0, 200);
  }
  bool has_read_errors() const {
    int bytes = 0;
    return ::ioctl(worker_errors_.write_end.get(), FIONREAD, &bytes) == 0 && bytes == 0;
  }
  void end_worker() {
    worker_output_.write_end.reset();
    worker_errors_.write_end.reset();
    run_until([this] { return has_ended_; });
  }

  TestPipe worker_output_;
  TestPipe worker_errors_;
  TestPipe output_;
  TestPipe errors_;
  asio::io_context loop_{1};
  CallerStreams streams_{LineSink(output_.write_end.get()), LineSink(errors_.write_end.get())};
  std::optional<OutputRelay> relay_;
  bool has_ended_ = false;
};

TEST_F(Relay, EachStreamReachesItsOwnWithItsUnfinishedLine) {
  start(WorkerOutput::Inherit);
  worker_output_.write("to output\n");
  worker_errors_.write("to errors\nunfinished");
  run_until([this] { return output_.seen == "to output\n" && errors_.seen == "to errors\n"; });
  end_worker();
  EXPECT_EQ(output_.seen, "to output\n");
  EXPECT_EQ(errors_.seen, "to errors\nunfinished\n");
}

TEST_F(Relay, PrefixedLinesAllGoToStandardError) {
  start(WorkerOutput::Prefixed);
  worker_output_.write("one\n");
  run_until([this] { return errors_.seen == "[owner/name@ref] one\n"; });
  worker_errors_.write("two\n");
  end_worker();
  EXPECT_EQ(errors_.seen, "[owner/name@ref] one\n[owner/name@ref] two\n");
  EXPECT_EQ(output_.seen, "");
}

TEST_F(Relay, DiscardedLinesAreKeptForTheMessageAboutADeath) {
  start(WorkerOutput::Discard);
  worker_output_.write("one\n");
  worker_errors_.write("two\n");
  relay_->close();
  run_until([this] { return has_ended_; });
  EXPECT_EQ(output_.seen + errors_.seen, "");
  EXPECT_EQ(relay_->tail(), (std::deque<std::string>{"one", "two"}));
}

TEST_F(Relay, TheLastLineOfAnEndIsThatOfStandardError) {
  start(WorkerOutput::Inherit);
  worker_errors_.write("the reason");
  run_until([this] { return has_read_errors(); });
  worker_output_.write("a model says something");
  worker_errors_.write_end.reset();
  run_until([this] { return errors_.seen == "the reason\n"; });
  end_worker();
  EXPECT_EQ(relay_->tail(), (std::deque<std::string>{"a model says something", "the reason"}));
}

TEST_F(Relay, ALineWithItsPrefixMarkAndEndIsOneWrite) {
  start(WorkerOutput::Prefixed);
  for (int part = 0; part < 10; ++part)
    worker_output_.write(std::string(4096, 'x'));
  worker_output_.write("\n");
  end_worker();
  EXPECT_LE(errors_.seen.size(), wire::kOutputLineBytesMax);
  EXPECT_GT(errors_.seen.size(), wire::kOutputLineBytesMax - 100);
  EXPECT_TRUE(errors_.seen.ends_with("more bytes of this line)\n")) << errors_.seen.substr(4000);
}

TEST_F(Relay, LinesThatNobodyReadsAreCountedAndTheCountIsSaid) {
  start(WorkerOutput::Inherit);
  // The errors' reader reads, the output's does not.
  std::size_t written = 0;
  const std::string line = std::string(99, '.') + "\n";
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (written < 10'000 && std::chrono::steady_clock::now() < end) {
    while (written < 10'000 && worker_output_.write(line))
      ++written;
    loop_.run_one_for(10ms);
  }
  ASSERT_EQ(written, 10'000U) << "a reader that does not read held its worker up for ever";
  worker_errors_.write("the worker goes on\n");
  run_until([this] { return errors_.seen.find("lines were dropped") != std::string::npos; });
  end_worker();
  std::size_t dropped = 0;
  for (std::size_t at = 0; (at = errors_.seen.find("] (", at)) != std::string::npos; at += 3)
    dropped += std::stoul(errors_.seen.substr(at + 3));
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(output_.seen.size() / line.size() + dropped, written);
  EXPECT_EQ(output_.seen.find("dropped"), std::string::npos);
  EXPECT_NE(errors_.seen.find("the worker goes on"), std::string::npos);
}

TEST_F(Relay, AReaderThatIsGoneHoldsNobodyUp) {
  output_.read_end.reset();
  start(WorkerOutput::Inherit);
  for (int number = 0; number < 20; ++number) {
    run_until([this] { return worker_output_.write("nobody reads this\n"); });
  }
  worker_errors_.write("still here\n");
  end_worker();
  EXPECT_EQ(errors_.seen, "still here\n");
}

TEST_F(Relay, AFloodWaitsInItsOwnPipeAndIsBoundedInAll) {
  start(WorkerOutput::Inherit);
  const std::string line = std::string(1023, '.') + "\n";
  constexpr std::size_t kWrittenBytes = kShownBytesMax + (2 << 20);
  std::size_t written = 0;
  bool was_held = false;
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (written < kWrittenBytes && std::chrono::steady_clock::now() < end) {
    while (worker_output_.write(line))
      written += line.size();
    for (int polls = 0; polls < 5; ++polls)
      loop_.poll();
    was_held = was_held || !worker_output_.write(line);
    loop_.run_one_for(10ms);
    output_.read();
    errors_.read();
  }
  EXPECT_GE(written, kWrittenBytes) << "the rest is read, and not shown";
  EXPECT_TRUE(was_held);
  EXPECT_NE(errors_.seen, "") << "it is said at once";
  end_worker();
  EXPECT_GE(output_.seen.size(), kShownBytesMax);
  EXPECT_LE(output_.seen.size(), kShownBytesMax + line.size());
  EXPECT_EQ(errors_.seen, "[owner/name@ref] (it prints too much: the rest is not shown)\n");
}

TEST_F(Relay, FinishShowsWhatIsStillInThePipes) {
  start(WorkerOutput::Inherit);
  worker_output_.write("last words\n");
  bool is_finished = false;
  auto finishing = [](OutputRelay& relay, bool& finished) -> Task<void> {
    co_await relay.finish(std::chrono::steady_clock::now() + 10s);
    finished = true;
  };
  asio::co_spawn(loop_, finishing(*relay_, is_finished), asio::detached);
  run_until([&] { return is_finished; });
  output_.read();
  EXPECT_EQ(output_.seen, "last words\n");
}

}  // namespace
}  // namespace hubcell::process

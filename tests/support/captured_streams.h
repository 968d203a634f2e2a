// The standard streams of a program as the tests read them: pipes stand in for descriptors 1 and 2 while a Hub is
// made, and its supervisor writes into them until it ends.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>

#include "shared/posix/process.h"

namespace hubcell::tests {

// Reads a pipe to what is waited for, or to its end.
class PipeReader {
 public:
  explicit PipeReader(posix::UniqueFd pipe) : pipe_(std::move(pipe)) {}

  // What came so far, once it contains `words`.
  const std::string& read_until(const std::string& words) {
    while (text_.find(words) == std::string::npos && read_some()) {
    }
    EXPECT_NE(text_.find(words), std::string::npos) << "in '" << text_.substr(0, 2000) << "'";
    return text_;
  }
  const std::string& read_to_end() {
    while (read_some()) {
    }
    EXPECT_TRUE(has_ended_) << "nothing came any more, and the other end is open";
    return text_;
  }
  // Whatever was there is never read.
  void close() { pipe_.reset(); }

 private:
  bool read_some() {
    constexpr int kDeadlineMs = 60'000;
    pollfd entry{.fd = pipe_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, kDeadlineMs) <= 0) return false;
    std::array<char, 65536> buffer{};
    const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
    has_ended_ = count == 0;
    if (count > 0) text_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  posix::UniqueFd pipe_;
  std::string text_;
  bool has_ended_ = false;
};

struct CapturedStreams {
  PipeReader output;
  PipeReader errors;
};

// Runs `start` with pipes in the place of descriptors 1 and 2. What it starts keeps them.
inline CapturedStreams capture_streams(const std::function<void()>& start) {
  auto [output_read, output_write] = posix::make_pipe();
  auto [errors_read, errors_write] = posix::make_pipe();
  const posix::UniqueFd saved_output(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  const posix::UniqueFd saved_errors(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  ::dup2(output_write.get(), STDOUT_FILENO);
  ::dup2(errors_write.get(), STDERR_FILENO);
  start();
  ::dup2(saved_output.get(), STDOUT_FILENO);
  ::dup2(saved_errors.get(), STDERR_FILENO);
  return {PipeReader(std::move(output_read)), PipeReader(std::move(errors_read))};
}

}  // namespace hubcell::tests

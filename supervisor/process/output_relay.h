// What a worker prints, line by line, to the supervisor's standard error (which is the caller's), under its
// name.
//
// Bounded: a line in length, a worker in bytes; control characters are replaced, because a terminal obeys
// them. Where the reader of our standard error does not keep up, lines are dropped rather than the loop
// stopped. The last lines are kept for the message about the worker's end.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "supervisor/process/loop.h"

namespace hubcell::process {

class OutputRelay {
 public:
  OutputRelay(asio::io_context& loop, posix::UniqueFd pipe, std::string name);

  // Runs until the pipe's other end is closed everywhere.
  Task<void> run();
  // Reads what lies in the pipe, without waiting.
  void drain();
  // Drains, and gives the pipe up.
  void close();
  const std::deque<std::string>& tail() const { return tail_; }

 private:
  bool read_some();
  void take_line(std::string_view line);
  void show(const std::string& line);

  asio::posix::stream_descriptor pipe_;
  std::string name_;
  std::string partial_;
  std::deque<std::string> tail_;
  std::size_t shown_bytes_ = 0;
};

}  // namespace hubcell::process

// One of the caller's standard streams, written in whole lines and without ever waiting for its reader.
//
// The caller shares the stream's description, so that O_NONBLOCK cannot be set on it: a pipe or a terminal is opened
// anew, a socket is sent to, and where neither is possible a full stream is found by poll.
#pragma once

#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "shared/posix/unique_fd.h"

namespace hubcell::process {

class LineSink {
 public:
  enum class Result {
    Written,
    NoRoom,  // nothing of it was taken
    Gone,    // nobody will ever read it
  };

  // Borrows `descriptor`, 1 or 2. SIGPIPE has to be ignored.
  explicit LineSink(int descriptor);

  // `lines` end with "\n" and have PIPE_BUF bytes at most, which a pipe takes whole or not at all. What a terminal or a
  // socket leaves over goes first the next time.
  Result write(std::string_view lines);
  // Sends what was left over; Written where nothing is.
  Result flush();
  // True where a write would find room or be refused for ever.
  bool has_room() const;
  bool is_terminal() const;

 private:
  enum class Kind { Reopened, Socket, Shared };
  // Bytes that were taken, -1 with errno.
  long write_some(std::string_view bytes);
  Result result_of_error(int error_number);

  int descriptor_;
  posix::UniqueFd reopened_;
  Kind kind_;
  std::string rest_;
  bool is_gone_ = false;
};

// The streams of the program that a supervisor serves, which may have come over a socket.
struct CallerStreams {
  LineSink output{STDOUT_FILENO};
  LineSink errors{STDERR_FILENO};
  std::array<posix::UniqueFd, 2> owned = {};  // what the two borrow, where it is not this process's own
  // Is told every line beside, and who printed it; null: nobody.
  std::function<void(std::string_view name, std::string_view line)> reader = nullptr;

  static CallerStreams adopt(posix::UniqueFd output, posix::UniqueFd errors) {
    return {.output = LineSink(output.get()),
            .errors = LineSink(errors.get()),
            .owned = {std::move(output), std::move(errors)},
            .reader = nullptr};
  }
};

}  // namespace hubcell::process

#include "supervisor/process/line_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>

#include "shared/base/check.h"
#include "shared/wire/limits.h"

namespace hubcell::process {
namespace {

static_assert(wire::kOutputLineBytesMax <= PIPE_BUF, "a line has to be one write");

// A description of our own. Nothing for a file, whose position is shared with the caller.
posix::UniqueFd reopen(int descriptor) {
  struct stat status {};
  const bool is_pipe = ::fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
  if (!is_pipe && ::isatty(descriptor) != 1) return {};
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return posix::above_standard(
      posix::UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)));
}

bool is_socket(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

LineSink::LineSink(int descriptor)
    : descriptor_(descriptor),
      reopened_(reopen(descriptor)),
      kind_(reopened_               ? Kind::Reopened
            : is_socket(descriptor) ? Kind::Socket
                                    : Kind::Shared) {}

LineSink::Result LineSink::write(std::string_view lines) {
  HUBCELL_CHECK(lines.size() <= PIPE_BUF);
  if (const Result result = flush(); result != Result::Written) return result;
  const long count = write_some(lines);
  if (count < 0) return result_of_error(errno);
  rest_ = lines.substr(static_cast<std::size_t>(count));
  return Result::Written;
}

bool LineSink::has_room() const {
  if (is_gone_) return true;
  pollfd entry{
      .fd = kind_ == Kind::Reopened ? reopened_.get() : descriptor_, .events = POLLOUT, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

bool LineSink::is_terminal() const {
  return ::isatty(descriptor_) == 1;
}

LineSink::Result LineSink::flush() {
  if (is_gone_) return Result::Gone;
  if (rest_.empty()) return Result::Written;
  const long count = write_some(rest_);
  if (count < 0) return result_of_error(errno);
  rest_.erase(0, static_cast<std::size_t>(count));
  return rest_.empty() ? Result::Written : Result::NoRoom;
}

long LineSink::write_some(std::string_view bytes) {
  if (kind_ == Kind::Reopened) return ::write(reopened_.get(), bytes.data(), bytes.size());
  if (kind_ == Kind::Socket)
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!has_room()) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(descriptor_, bytes.data(), bytes.size());
}

// A disk that is full may have room later.
LineSink::Result LineSink::result_of_error(int error_number) {
  for (const int passing : {EAGAIN, EINTR, ENOBUFS, ENOSPC, EDQUOT}) {
    if (error_number == passing) return Result::NoRoom;
  }
  is_gone_ = true;
  rest_.clear();
  return Result::Gone;
}

}  // namespace hubcell::process

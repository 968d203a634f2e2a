#include "supervisor/process/output_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

#include "shared/wire/limits.h"

namespace hubcell::process {
namespace {

constexpr std::size_t kShownBytesMax = 8 << 20;
constexpr int kDrainReadsMax = 64;

std::string printable(std::string_view line) {
  std::string safe;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const auto next = i + 1 < line.size() ? static_cast<unsigned char>(line[i + 1]) : 0;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;  // U+0080 to U+009F
    safe += (byte < 0x20 && line[i] != '\t') || byte == 0x7f || is_c1 ? '?' : line[i];
  }
  return safe;
}

bool standard_error_has_room() {
  pollfd entry{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLOUT) != 0;
}

}  // namespace

OutputRelay::OutputRelay(asio::io_context& loop, posix::UniqueFd pipe, std::string name)
    : pipe_(loop), name_(std::move(name)) {
  ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  pipe_.assign(pipe.release());
}

Task<void> OutputRelay::run() {
  for (;;) {
    boost::system::error_code failure;
    co_await pipe_.async_wait(asio::posix::descriptor_base::wait_read,
                              asio::redirect_error(asio::use_awaitable, failure));
    if (failure || !read_some()) co_return;
  }
}

// A worker that prints without end does not hold the loop.
void OutputRelay::drain() {
  if (!pipe_.is_open()) return;
  pollfd entry{.fd = pipe_.native_handle(), .events = POLLIN, .revents = 0};
  for (int reads = 0; reads < kDrainReadsMax; ++reads) {
    if (::poll(&entry, 1, 0) <= 0 || (entry.revents & POLLIN) == 0 || !read_some()) return;
  }
}

void OutputRelay::close() {
  drain();
  boost::system::error_code ignored;
  static_cast<void>(pipe_.close(ignored));
}

// False at the end of the pipe.
bool OutputRelay::read_some() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t count = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  partial_.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t begin = 0;
  for (std::size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', begin)) {
    take_line(std::string_view(partial_).substr(begin, end - begin));
    begin = end + 1;
  }
  partial_.erase(0, begin);
  if (!partial_.empty() && (count == 0 || partial_.size() > wire::kOutputLineBytesMax)) {
    take_line(partial_);
    partial_.clear();
  }
  return count > 0;
}

void OutputRelay::take_line(std::string_view line) {
  const std::string safe = printable(line.substr(0, wire::kOutputLineBytesMax));
  tail_.push_back(safe);
  if (tail_.size() > wire::kOutputTailLines) tail_.pop_front();
  show(safe);
}

void OutputRelay::show(const std::string& line) {
  if (shown_bytes_ > kShownBytesMax || !standard_error_has_room()) return;
  shown_bytes_ += line.size();
  std::string text = "[" + name_ + "] " + line + "\n";
  if (shown_bytes_ > kShownBytesMax) text += "[" + name_ + "] (it prints too much: the rest is not shown)\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace hubcell::process

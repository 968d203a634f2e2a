#include "supervisor/process/loop.h"

#include <fcntl.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"
#include "shared/posix/system_error.h"

namespace hubcell::process {
namespace {

Task<void> wait_for_cancel(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// The longest wait that a timer is given; "no deadline" is longer than any program runs.
constexpr Milliseconds kLongest = std::chrono::hours(24 * 365);

Task<bool> wait_stream(asio::posix::stream_descriptor& stream, Milliseconds deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer limit(stream.get_executor(), std::min(deadline, kLongest));
  boost::system::error_code failure;
  bool readable = false;
  auto watch = [&]() -> Task<void> {
    co_await stream.async_wait(asio::posix::descriptor_base::wait_read,
                               asio::redirect_error(asio::use_awaitable, failure));
    readable = !failure;
  };
  auto watching = watch();
  auto limiting = wait_for_cancel(limit);
  co_await (std::move(watching) || std::move(limiting));
  co_return readable;
}

}  // namespace

void Occasion::happen() {
  happened_ = true;
  timer_.cancel();
}

Task<bool> Occasion::wait(Milliseconds deadline) {
  using namespace asio::experimental::awaitable_operators;
  if (happened_) co_return true;
  asio::steady_timer limit(loop_, std::min(deadline, kLongest));
  co_await (wait_for_cancel(timer_) || wait_for_cancel(limit));
  co_return happened_;
}

Task<void> pause(asio::io_context& loop, Milliseconds time) {
  asio::steady_timer timer(loop, time);
  co_await wait_for_cancel(timer);
}

Task<bool> wait_readable(asio::io_context& loop, int descriptor, Milliseconds deadline) {
  // A copy of its own: where the loop ends while this waits, it is closed with the coroutine.
  const int copy = posix::checked(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3), "duplicate a descriptor");
  asio::posix::stream_descriptor waited(loop, copy);
  co_return co_await wait_stream(waited, deadline);
}

FrameSocket::FrameSocket(asio::io_context& loop, posix::UniqueFd socket) : stream_(loop, socket.release()) {}

Task<bool> FrameSocket::readable(Milliseconds deadline) {
  return wait_stream(stream_, deadline);
}

Task<std::optional<wire::Frame>> FrameSocket::receive() {
  for (;;) {
    boost::system::error_code failure;
    co_await stream_.async_wait(asio::posix::descriptor_base::wait_read,
                                asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return std::nullopt;
    std::optional<posix::Message> message = posix::receive_message(stream_.native_handle());
    if (!message) continue;
    if (message->bytes.empty()) co_return std::nullopt;
    co_return wire::Frame(std::move(*message));
  }
}

bool FrameSocket::offer_bytes(const std::vector<std::byte>& bytes) {
  try {
    return posix::send_message(stream_.native_handle(), bytes, {}, Milliseconds(0));
  } catch (const Error&) {
    return false;
  }
}

void FrameSocket::close() {
  boost::system::error_code ignored;
  static_cast<void>(stream_.close(ignored));
}

}  // namespace hubcell::process

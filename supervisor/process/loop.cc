#include "supervisor/process/loop.h"

#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"
#include "shared/posix/system_error.h"

namespace hubcell::process {
namespace {

Task<void> wait_for_cancel(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// What may wait for a peer to read: a cache's whole index, say.
constexpr std::size_t kUnsentBytesMax = 16 << 20;

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

Task<void> yield(asio::io_context& loop) {
  co_await asio::post(loop, asio::use_awaitable);
}

Task<bool> wait_readable(asio::io_context& loop, int descriptor, Milliseconds deadline) {
  // A copy of its own: where the loop ends while this waits, it is closed with the coroutine.
  const int copy = posix::checked(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3), "duplicate a descriptor");
  asio::posix::stream_descriptor waited(loop, copy);
  co_return co_await wait_stream(waited, deadline);
}

// Coroutines that wait for the socket share it.
struct FrameSocket::Connection : std::enable_shared_from_this<Connection> {
  struct Unsent {
    std::vector<std::byte> bytes;
    std::vector<posix::UniqueFd> descriptors;
  };

  Connection(asio::io_context& loop, posix::UniqueFd socket) : stream(loop, socket.release()) {}

  bool keep(std::vector<std::byte> bytes, std::span<const int> descriptors);
  Task<void> flush();
  void close();

  asio::posix::stream_descriptor stream;
  std::deque<Unsent> unsent;
  std::size_t unsent_bytes = 0;
};

// False where the peer has let too much lie.
bool FrameSocket::Connection::keep(std::vector<std::byte> bytes, std::span<const int> descriptors) {
  if (unsent_bytes + bytes.size() > kUnsentBytesMax) {
    close();
    return false;
  }
  Unsent entry{.bytes = std::move(bytes), .descriptors = {}};
  for (const int descriptor : descriptors)
    entry.descriptors.emplace_back(
        posix::checked(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3), "duplicate a descriptor"));
  unsent_bytes += entry.bytes.size();
  unsent.push_back(std::move(entry));
  if (unsent.size() > 1) return true;
  auto flushing = [](std::shared_ptr<Connection> self) -> Task<void> { co_await self->flush(); };
  asio::co_spawn(stream.get_executor(), flushing(shared_from_this()), asio::detached);
  return true;
}

Task<void> FrameSocket::Connection::flush() {
  while (!unsent.empty()) {
    boost::system::error_code failure;
    co_await stream.async_wait(asio::posix::descriptor_base::wait_write,
                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return;
    while (!unsent.empty()) {
      const Unsent& first = unsent.front();
      std::vector<int> borrowed;
      for (const posix::UniqueFd& descriptor : first.descriptors)
        borrowed.push_back(descriptor.get());
      if (posix::try_send_message(stream.native_handle(), first.bytes, borrowed) == posix::Sent::NoRoom)
        break;
      unsent_bytes -= first.bytes.size();
      unsent.pop_front();
    }
  }
}

void FrameSocket::Connection::close() {
  boost::system::error_code ignored;
  static_cast<void>(stream.close(ignored));
}

FrameSocket::FrameSocket(asio::io_context& loop, posix::UniqueFd socket)
    : connection_(std::make_shared<Connection>(loop, std::move(socket))) {}

FrameSocket::~FrameSocket() {
  if (connection_) close();
}

Task<bool> FrameSocket::readable(Milliseconds deadline) {
  const std::shared_ptr<Connection> connection = connection_;
  co_return co_await wait_stream(connection->stream, deadline);
}

Task<std::optional<wire::Frame>> FrameSocket::receive() {
  const std::shared_ptr<Connection> connection = connection_;
  for (;;) {
    boost::system::error_code failure;
    co_await connection->stream.async_wait(asio::posix::descriptor_base::wait_read,
                                           asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return std::nullopt;
    std::optional<posix::Message> message = posix::receive_message(connection->stream.native_handle());
    if (!message) continue;
    if (message->bytes.empty()) co_return std::nullopt;
    co_return wire::Frame(std::move(*message));
  }
}

bool FrameSocket::send_bytes(std::vector<std::byte> bytes, std::span<const int> descriptors) {
  if (!connection_->stream.is_open()) return false;
  if (connection_->unsent.empty()) {
    const auto sent = posix::try_send_message(connection_->stream.native_handle(), bytes, descriptors);
    if (sent != posix::Sent::NoRoom) return sent == posix::Sent::Yes;
  }
  return connection_->keep(std::move(bytes), descriptors);
}

bool FrameSocket::offer_bytes(const std::vector<std::byte>& bytes, std::span<const int> descriptors) {
  return connection_->stream.is_open() && connection_->unsent.empty() &&
         posix::try_send_message(connection_->stream.native_handle(), bytes, descriptors) == posix::Sent::Yes;
}

void FrameSocket::close() {
  connection_->close();
}

}  // namespace hubcell::process

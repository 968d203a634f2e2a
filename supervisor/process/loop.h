// What the supervisor's coroutines wait with: one thread, one loop, every wait with a deadline.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shared/posix/unique_fd.h"
#include "shared/wire/frame.h"

namespace hubcell::process {

namespace asio = boost::asio;
template <typename Result>
using Task = asio::awaitable<Result>;
using Milliseconds = std::chrono::milliseconds;

// Something that happens once and that any number of coroutines wait for.
class Occasion {
 public:
  explicit Occasion(asio::io_context& loop)
      : timer_(loop, asio::steady_timer::time_point::max()), loop_(loop) {}
  void happen();
  bool happened() const { return happened_; }
  // False when `deadline` passed first.
  Task<bool> wait(Milliseconds deadline);

 private:
  asio::steady_timer timer_;
  asio::io_context& loop_;
  bool happened_ = false;
};

Task<void> pause(asio::io_context& loop, Milliseconds time);
// Whatever else is due comes first.
Task<void> yield(asio::io_context& loop);

// Waits until `descriptor` (borrowed; a pidfd, a pipe, a socket) is readable; false when `deadline` passed.
Task<bool> wait_readable(asio::io_context& loop, int descriptor, Milliseconds deadline);

// A socket of control frames, whole messages in both directions. Nothing here waits for a peer that does not read: what
// it has no room for is kept, in order, and one that lets too much lie is taken for gone.
class FrameSocket {
 public:
  FrameSocket(asio::io_context& loop, posix::UniqueFd socket);
  FrameSocket(FrameSocket&&) noexcept = default;
  FrameSocket& operator=(FrameSocket&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
  }
  ~FrameSocket();

  // Waits for something to receive (the peer's end counts); false when `deadline` passed.
  Task<bool> readable(Milliseconds deadline);
  // The next frame; none when the peer has closed. Throws Error(Protocol) on a message that is no frame.
  Task<std::optional<wire::Frame>> receive();
  // False when the peer is gone.
  template <class Body>
  bool send(std::uint64_t request, const Body& body, std::span<const int> descriptors = {}) {
    return send_bytes(wire::encode_frame(request, body), descriptors);
  }
  // The same, but only if there is room for it now: false where it was dropped. For what nobody has to read.
  template <class Body>
  bool offer(std::uint64_t request, const Body& body, std::span<const int> descriptors = {}) {
    return offer_bytes(wire::encode_frame(request, body), descriptors);
  }
  void close();

 private:
  struct Connection;
  bool send_bytes(std::vector<std::byte> bytes, std::span<const int> descriptors);
  bool offer_bytes(const std::vector<std::byte>& bytes, std::span<const int> descriptors);

  std::shared_ptr<Connection> connection_;  // null in one that was moved from
};

}  // namespace hubcell::process

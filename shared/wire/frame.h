// A control message on a socket: a tag, the number of the request that it belongs to, and its body.
#pragma once

#include "shared/posix/message_socket.h"
#include "shared/wire/cache_messages.h"
#include "shared/wire/codec.h"
#include "shared/wire/lock_messages.h"
#include "shared/wire/messages.h"
#include "shared/wire/serve_messages.h"
#include "shared/wire/weight_messages.h"
#include "shared/wire/worker_messages.h"

namespace hubcell::wire {

struct FrameHeader {
  std::uint16_t tag = 0;
  std::uint64_t request = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(tag, request);
  }
};

// A received frame: bytes that were copied out of the socket, not yet decoded, and its descriptors.
class Frame {
 public:
  // Throws Error(Protocol) where there is no header.
  explicit Frame(posix::Message message);

  Tag tag() const { return static_cast<Tag>(header_.tag); }
  std::uint64_t request() const { return header_.request; }
  // Throws Error(Protocol) on another tag or a malformed body.
  template <class Body>
  Body as() const {
    if (tag() != Body::kTag) unexpected();
    return decode<Body>(std::span(message_.bytes).subspan(kHeaderBytes));
  }
  bool has_descriptors() const { return !message_.descriptors.empty(); }
  // Takes the descriptors, of which there must be exactly `count`: Error(Protocol).
  std::vector<posix::UniqueFd> take_descriptors(std::size_t count);
  [[noreturn]] void unexpected() const;

 private:
  static constexpr std::size_t kHeaderBytes = sizeof(std::uint16_t) + sizeof(std::uint64_t);
  posix::Message message_;
  FrameHeader header_;
};

template <class Body>
std::vector<std::byte> encode_frame(std::uint64_t request, const Body& body) {
  SpanWriter writer;
  writer(FrameHeader{static_cast<std::uint16_t>(Body::kTag), request}, body);
  return writer.take_bytes();
}

// False when the peer is gone.
template <class Body>
bool send_frame(int socket, std::uint64_t request, const Body& body, std::span<const int> descriptors = {}) {
  return posix::send_message(socket, encode_frame(request, body), descriptors);
}

// The peer has closed the socket.
class PeerEnded : public Error {
  using Error::Error;
};

// Waits for a frame: empty optional when `deadline` passed. Throws PeerEnded (Protocol), Error(Protocol) on what is no frame.
std::optional<Frame> wait_frame(int socket, std::chrono::milliseconds deadline);

}  // namespace hubcell::wire

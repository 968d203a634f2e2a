#include "shared/wire/frame.h"

namespace hubcell::wire {

Frame::Frame(posix::Message message) : message_(std::move(message)) {
  SpanReader reader(message_.bytes);
  reader(header_);
}

std::vector<posix::UniqueFd> Frame::take_descriptors(std::size_t count) {
  if (message_.descriptors.size() != count) malformed("it brings a wrong number of descriptors");
  return std::move(message_.descriptors);
}

void Frame::unexpected() const {
  malformed("tag " + std::to_string(header_.tag) + " is not expected here");
}

std::optional<Frame> wait_frame(int socket, std::chrono::milliseconds deadline) {
  if (!posix::wait_readable(socket, deadline)) return std::nullopt;
  std::optional<posix::Message> message = posix::receive_message(socket);
  if (!message) return std::nullopt;
  if (message->bytes.empty()) throw PeerEnded(ErrorCode::Protocol, "the other process has ended");
  return Frame(std::move(*message));
}

}  // namespace hubcell::wire

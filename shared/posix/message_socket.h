// One end of a Unix SOCK_SEQPACKET pair: whole messages of bytes, with descriptors beside them (SCM_RIGHTS).
//
// The kernel keeps message borders, so there is no framing to get wrong. What the bytes mean is shared/wire's
// matter.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

// Larger messages are refused on both sides; argument and tensor bytes travel through shared memory instead.
inline constexpr std::size_t kMessageBytesMax = 128 * 1024;
inline constexpr std::size_t kMessageDescriptorsMax = 32;

struct Message {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> descriptors;
};

// Both ends, close-on-exec.
std::pair<UniqueFd, UniqueFd> make_message_socket_pair();

// Sends one message if there is room for it now. Never raises SIGPIPE.
enum class Sent { Yes, NoRoom, PeerGone };
Sent try_send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors);

// Sends one message; waits while the peer's buffer is full, until `deadline` (then Error(System)).
// False when the peer is gone.
bool send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors,
                  std::chrono::milliseconds deadline = std::chrono::seconds(10));

// Receives one message without waiting. Received descriptors are close-on-exec.
// Empty optional: nothing there yet. A message without bytes: the peer has closed.
// Throws Error(Protocol) on a message that is larger than the bounds above.
std::optional<Message> receive_message(int socket);

// Waits until `socket` is readable or `deadline` has passed; true when readable (end of file counts).
bool wait_readable(int socket, std::chrono::milliseconds deadline);

}  // namespace hubcell::posix

#include "shared/posix/message_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::posix {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(kMessageDescriptorsMax * sizeof(int));

int remaining_ms(std::chrono::steady_clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return left.count() > 0 ? static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)) : 0;
}

bool wait_for(int socket, short events, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  pollfd entry{.fd = socket, .events = events, .revents = 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, remaining_ms(end));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw_errno("poll a socket");
  }
}

// Takes ownership of every descriptor that came with `header`, also of those that a refused message brought.
std::vector<UniqueFd> take_descriptors(msghdr& header) {
  std::vector<UniqueFd> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      taken.push_back(above_standard(UniqueFd(fd)));
    }
  }
  return taken;
}

}  // namespace

std::pair<UniqueFd, UniqueFd> make_message_socket_pair() {
  int ends[2];
  checked(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "make a socket pair");
  return {above_standard(UniqueFd(ends[0])), above_standard(UniqueFd(ends[1]))};
}

Sent try_send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors) {
  if (bytes.empty() || bytes.size() > kMessageBytesMax || descriptors.size() > kMessageDescriptorsMax) {
    throw Error(ErrorCode::Protocol, "send a message of " + std::to_string(bytes.size()) +
                                         " bytes: the bound is " + std::to_string(kMessageBytesMax));
  }
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) char control[kControlBytes] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return Sent::PeerGone;
    if (errno == EAGAIN) return Sent::NoRoom;
    throw_errno("send a message");
  }
  return Sent::Yes;
}

bool send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors,
                  std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    const Sent sent = try_send_message(socket, bytes, descriptors);
    if (sent != Sent::NoRoom) return sent == Sent::Yes;
    if (!wait_for(socket, POLLOUT, std::chrono::milliseconds(remaining_ms(end)))) {
      throw Error(ErrorCode::System, "send a message: the other side did not read in time");
    }
  }
}

std::optional<Message> receive_message(int socket) {
  thread_local std::vector<std::byte> buffer(kMessageBytesMax);
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) char control[kControlBytes];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  ssize_t count = -1;
  do {
    count = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno == EAGAIN) return std::nullopt;
    if (errno == ECONNRESET) return Message{};
    throw_errno("receive a message");
  }
  std::vector<UniqueFd> descriptors = take_descriptors(header);
  // Those that the message brought, or those that this process may have: the kernel does not tell the two apart.
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    throw Error(
        ErrorCode::Protocol,
        "receive a message: its descriptors do not fit; ulimit -n says how many this process may have");
  }
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    throw Error(ErrorCode::Protocol, "receive a message: it is larger than the bounds allow");
  }
  return Message{.bytes = {buffer.begin(), buffer.begin() + count}, .descriptors = std::move(descriptors)};
}

bool wait_readable(int socket, std::chrono::milliseconds deadline) {
  return wait_for(socket, POLLIN, deadline);
}

}  // namespace hubcell::posix

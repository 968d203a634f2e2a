#include "shared/posix/local_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::posix {
namespace {

constexpr int kBacklog = 128;
constexpr int kSocketKind = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    throw Error(ErrorCode::Usage, "use the socket " + path + ": its path is longer than " +
                                      std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd make_socket() {
  return above_standard(UniqueFd(checked(::socket(AF_UNIX, kSocketKind, 0), "make a socket")));
}

// Held while a socket is put in its place, so that two that start at once do not take each other's. Its file stays.
UniqueFd lock_place(const std::string& path) {
  UniqueFd lock(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) throw_errno("lock " + path);
  return lock;
}

}  // namespace

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  checked(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes), "look who is at a socket");
  return {.pid = credentials.pid, .uid = credentials.uid};
}

UniqueFd listen_local(const std::string& path) {
  const sockaddr_un address = address_of(path);
  const UniqueFd lock = lock_place(path);
  if (connect_local(path)) {
    throw Error(ErrorCode::Usage, "listen at " + path + ": another supervisor does; hubcell stop ends it");
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      throw Error(ErrorCode::Usage, "listen at " + path + ": there is something that is no socket");
    ::unlink(path.c_str());
  }
  UniqueFd listener = make_socket();
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(mask);
  errno = error;
  checked(bound, "listen at " + path);
  checked(::listen(listener.get(), kBacklog), "listen at " + path);
  return listener;
}

std::optional<UniqueFd> accept_local(int listener) {
  UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) return above_standard(std::move(connection));
  for (const int passing : {EAGAIN, EINTR, ECONNABORTED}) {
    if (errno == passing) return std::nullopt;
  }
  throw_errno("accept a program");
}

std::optional<UniqueFd> connect_local(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd socket = make_socket();
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  return std::nullopt;
}

}  // namespace hubcell::posix

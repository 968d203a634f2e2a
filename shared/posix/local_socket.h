// A socket of messages (message_socket.h) with a place in the file system, for programs of one user.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

// Who is at the other end, as the kernel noted it when they connected.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
Peer peer_of(int socket);

// Listens at `path`, which only this user can reach. Takes the place of a socket that nobody listens at any more; Error(Usage)
// where somebody does, Error(System) where none can be made.
UniqueFd listen_local(const std::string& path);

// The next connection, without waiting; empty where there is none, or it is gone again.
std::optional<UniqueFd> accept_local(int listener);

// Connects without waiting; empty where nobody listens there, or does not keep up.
std::optional<UniqueFd> connect_local(const std::string& path);

}  // namespace hubcell::posix

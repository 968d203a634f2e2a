// How a program comes to a supervisor: the shared one, where one takes it in, else one of its own.
#pragma once

#include <hubcell/options.h>

#include <cstdint>
#include <optional>
#include <string>

#include "shared/posix/unique_fd.h"
#include "shared/wire/limits.h"

namespace hubcell::client {

struct SupervisorConnection {
  posix::UniqueFd socket;                         // our end of the control socket, with the Hello said
  std::uint64_t workers_max = wire::kWorkersMax;  // that the session may have at a time
  bool is_private = false;                        // it is this program's alone
};

// `first_worker`: the number of the first worker that is opened. Throws Error(System) where the installation is incomplete.
SupervisorConnection reach_supervisor(const HubOptions& options, std::uint64_t first_worker);

// A further session with the private supervisor behind `socket`, with options of its own.
SupervisorConnection attach_to_supervisor(int socket, const HubOptions& options);

// A connection to whoever listens at `path`; none where nobody does, or somebody who is not this user.
std::optional<posix::UniqueFd> connect_shared(const std::string& path);

}  // namespace hubcell::client

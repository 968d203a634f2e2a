// The words that hubcell-supervisor is started with where many programs are to share it.
#pragma once

#include <span>
#include <string>

#include "supervisor/control/host.h"
#include "supervisor/control/server.h"

namespace hubcell::control {

struct ServeArguments {
  std::string socket;  // a path
  Quotas quotas;
  ServerPlan plan;
};

// Pairs of a name and a value: "--socket", "/run/user/1000/hubcell.sock". Throws Error(Usage).
ServeArguments parse_serve_arguments(std::span<const char* const> words);

// The socket that systemd listens at and has passed on (sd_listen_fds(3)); none where it did not start this process.
std::optional<posix::UniqueFd> take_activated_socket();

}  // namespace hubcell::control

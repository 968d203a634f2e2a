// What `hubcell ps`, `top`, `logs` and `stop` ask of a shared supervisor.
#pragma once

#include "supervisor/process/loop.h"

namespace hubcell::control {

class Server;

// Answers on the socket, beginning with `first`, until the other side leaves. Throws Error(Protocol) where it says what is no
// such request.
process::Task<void> answer_admin(Server& server, process::FrameSocket socket, wire::Frame first);

}  // namespace hubcell::control

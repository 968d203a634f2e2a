// A worker that was forked before anybody asked for one: forking takes longer than all that a worker does until it enters its
// sandbox, and the first writes to pages that all forks write to, as long again.
//
// It has run nothing but what every fork runs, and knows nothing of what it will be: the order comes by a socket of its own, with
// the descriptors that belong to it. From then on it is what a fork at that moment would be.
#pragma once

#include <optional>
#include <vector>

#include "shared/posix/private_folder.h"
#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"
#include "shared/wire/worker_messages.h"
#include "worker/serve.h"

namespace hubcell::worker {

struct Spare {
  posix::PrivateFolder scratch;  // outlives the process
  posix::ChildProcess process;
  posix::UniqueFd socket;

  // False where it has ended.
  bool order(const wire::ForkWorker& order, const std::vector<posix::UniqueFd>& descriptors) const;
};

// In the forked child. Waits for the order and then is that worker; ends with the template. `start` is complete but for the
// order and its descriptors.
[[noreturn]] void wait_as_spare(posix::UniqueFd socket, WorkerStart start, const PythonSteps& steps,
                                const sandbox::SeccompProgram& seccomp);

// The order's four, as ForkWorker names them.
void take_descriptors(WorkerStart& start, std::vector<posix::UniqueFd> descriptors);

}  // namespace hubcell::worker

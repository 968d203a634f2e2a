// A worker: the forked child that enters the sandbox and serves calls until the supervisor has gone.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/posix/unique_fd.h"
#include "shared/wire/worker_messages.h"
#include "worker/python_steps.h"
#include "worker/sandbox/sandbox.h"

namespace hubcell::worker {

struct WorkerStart {
  wire::ForkWorker order = {};
  posix::UniqueFd control = {};
  posix::UniqueFd memory = {};
  posix::UniqueFd output = {};  // becomes standard output
  posix::UniqueFd errors = {};  // becomes standard error
  std::string scratch;
  std::string folder;  // of our Python files
  pid_t parent = 0;
  std::vector<sandbox::Layer> missing_layers;  // on this machine
};

// What a worker or a template tells of its layers.
std::vector<wire::LayerReport> reports_of(const std::vector<sandbox::Layer>& layers);

// Ends the process: 0 when the supervisor has gone, or the checkout is compiled, where that was the order; 1 when the worker could not start (the supervisor is told
// why).
[[noreturn]] void run_worker(WorkerStart start, const PythonSteps& steps,
                             const sandbox::SeccompProgram& seccomp);

}  // namespace hubcell::worker

// The template: an interpreter with torch imported, single-threaded, that forks a worker for each order it
// gets.
//
// It owns its workers' processes and scratch folders, and ends them when its socket to the supervisor ends. While nothing is asked
// of it, it forks one more, for the next order.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/posix/private_folder.h"
#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"
#include "shared/wire/frame.h"
#include "worker/python_steps.h"
#include "worker/sandbox/sandbox.h"
#include "worker/spare.h"

namespace hubcell::worker {

class Template {
 public:
  // Imports torch and sweeps what killed templates left. `folder` holds our Python files.
  // Throws Error where the interpreter cannot serve.
  Template(posix::UniqueFd socket, const std::string& folder);

  // Serves until the supervisor has gone, and then ends all workers and removes their folders. In a forked
  // child this does not return: the child ends in it.
  void run();

 private:
  struct Child {
    posix::PrivateFolder scratch;  // outlives the process that writes in it
    posix::ChildProcess process;
  };

  void serve();
  void take_frame(wire::Frame frame);
  void fork_worker(wire::Frame frame);
  Child start_worker(const wire::ForkWorker& order, std::vector<posix::UniqueFd> descriptors);
  // Empty where there is none, or it has ended.
  std::optional<Child> start_by_spare(const wire::ForkWorker& order,
                                      const std::vector<posix::UniqueFd>& descriptors);
  void fork_spare();
  // Throws Error(System) where no process may be forked now.
  void prepare_fork();
  template <typename Run>
  posix::ChildProcess fork_child(Run run);
  void reap(std::uint64_t worker);
  void reap_ended();
  void remove_scratch(const posix::PrivateFolder& scratch);
  // Ends all workers and removes their folders.
  void end();
  // Waits for a message or the end of a child; false when the supervisor has gone. Forks a spare worker where neither comes soon.
  bool wait();

  posix::UniqueFd socket_;
  std::string folder_;
  PythonSteps steps_;
  sandbox::SeccompProgram seccomp_;
  std::optional<std::vector<sandbox::Layer>> missing_layers_;  // tried before the first fork
  std::string scratch_root_;
  std::map<std::uint64_t, Child> children_;
  std::optional<Spare> spare_;
  std::vector<posix::ChildProcess> removals_;  // of folders
};

}  // namespace hubcell::worker

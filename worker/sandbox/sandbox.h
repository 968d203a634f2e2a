// The sandbox of a worker: what a forked child gives up, for good, before the first line of foreign code
// runs.
//
// Each layer is a file of this folder that opens with what it stops; sandbox.cc is the list of them, in the
// order in which they are entered. Nothing here needs root or a daemon.
//
// The layers are the rungs of a ladder. All that needs namespaces depends on the machine (a chroot or a container may forbid
// them), and without them a worker can look whether a path exists, and start many threads. The rest is the minimum.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shared/posix/landlock.h"

namespace hubcell::sandbox {

// How much of the ladder a worker climbs.
enum class Level : std::uint8_t {
  Best = 0,     // what this machine has, at least the minimum
  Full = 1,     // all of it, or nothing
  Minimal = 2,  // without namespaces
  Off = 3,      // foreign code may do what its user may; descriptors are closed, and it ends with its parent
};

struct Layer {
  std::string name;
  bool needed = true;  // a part of the minimum
  bool holds = false;
  std::string detail = {};  // what it covers, or where it does not hold: why, and what to do
};

// The folder that a process may fill. With mount namespaces it is in memory, new and empty, and ends with the process: what
// lay in it is not seen. Without them each file in it is bounded, and not what they are together.
struct Scratch {
  std::string folder = {};  // one of the writable ones; empty: none
  std::uint64_t bytes = 0;
};

struct SandboxPlan {
  Level level = Level::Best;
  std::vector<int> kept_descriptors;  // beside 0, 1 and 2
  pid_t parent = 0;                   // the process that forked this one; the child ends with it
  std::uint64_t memory_bytes = 0;     // above what the process has now; 0: no limit
  Scratch scratch = {};
  posix::LandlockPolicy files;      // the child's own /proc/self is added to it
  std::vector<Layer> missing = {};  // what missing_layers() found: not tried at Level::Best
};

// The filter of system calls as BPF instructions. Compiled once, before the fork; a child puts its own
// process number into its copy, so that it can signal itself and nobody else.
class SeccompProgram {
 public:
  // For an AUDIT_ARCH_* of linux/audit.h; 0: this machine's. Throws Error(Sandbox) where libseccomp refuses.
  static SeccompProgram compile(std::uint32_t architecture = 0);

  // Sets no_new_privs and filters the calling thread and all that it starts later. Cannot be undone.
  void enter() const;

  // As process `pid` enters them.
  std::vector<sock_filter> instructions_for(pid_t pid) const;
  std::size_t instruction_count() const { return instructions_.size(); }

 private:
  SeccompProgram(std::vector<sock_filter> instructions, std::vector<std::size_t> pid_places)
      : instructions_(std::move(instructions)), pid_places_(std::move(pid_places)) {}

  std::vector<sock_filter> instructions_;
  std::vector<std::size_t> pid_places_;  // instructions that compare with the process's own number
};

// In the forked child, which has one thread. Returns all layers in the order of entering. One that the level asks for and
// that cannot be set up is an Error(Sandbox), and the child must then end without running foreign code.
std::vector<Layer> enter_sandbox(const SandboxPlan& plan, const SeccompProgram& seccomp);

// The layers beyond the minimum that cannot be entered on this machine. Each is tried in a child process: one that fails
// half-way must not leave its traces in a worker. The calling process must have one thread.
std::vector<Layer> missing_layers(const SeccompProgram& seccomp);

// Tries each layer in a child process of its own. The calling process must have one thread, and stays as it
// is.
std::vector<Layer> probe_layers();

}  // namespace hubcell::sandbox

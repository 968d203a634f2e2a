// The layers, one function each: gives something up for good and returns a word on what it covers.
// Each throws Error(Sandbox) where it cannot. Internal to this folder.
#pragma once

#include <seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "shared/posix/landlock.h"
#include "worker/sandbox/sandbox.h"

namespace hubcell::sandbox {

std::string close_descriptors(std::vector<int> kept);
std::string enter_user_namespace();
std::string leave_shared_namespaces();
std::string enter_own_tree(const posix::LandlockPolicy& files, const Scratch& scratch);
std::string die_with_parent(pid_t parent);
std::string drop_capabilities();
std::string forbid_dumps();
std::string limit_resources(std::uint64_t file_bytes);
std::string limit_memory(std::uint64_t budget_bytes);
std::string give_up_new_privileges();
std::string restrict_files(posix::LandlockPolicy files, const Scratch& scratch);

// Where programs find memory to share, and the part of the scratch folder that lies there once enter_own_tree() was called.
inline constexpr const char* kSharedMemory = "/dev/shm";
inline std::string shared_memory_of(const Scratch& scratch) {
  return scratch.folder + "/.shm";
}

// Fills `filter` with the rules for system calls. `own_pid` stands for the process's own number.
// Throws Error(Sandbox) with the name of the call where libseccomp refuses a rule.
void add_seccomp_rules(scmp_filter_ctx filter, std::uint32_t own_pid);

// Throws Error(Sandbox): "`attempt`: <text of errno>; `advice`".
[[noreturn]] void refuse_layer(const std::string& attempt, const std::string& advice);

}  // namespace hubcell::sandbox

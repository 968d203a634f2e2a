// Landlock: what this thread and its later children may do to files, beyond what permissions say.
//
// Used by workers and by the fetcher. A ruleset is made, gets rules, and is then entered for good. Rights
// that the running kernel's ABI does not know are left out; `landlock_abi` says what there is.
#pragma once

#include <string>
#include <vector>

#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

// The kernel's Landlock ABI, found by asking; 0 where there is none. Tests choose an older one by
// HUBCELL_TEST_LANDLOCK_ABI.
int landlock_abi();

struct LandlockPolicy {
  std::vector<std::string> readable;  // files and folders: read and list
  std::vector<std::string>
      executable;  // files and folders: read, list and execute (mmap of libraries needs read alone)
  std::vector<std::string> writable;  // folders: everything below them, no device nodes
  bool deny_tcp = false;              // bind and connect (ABI 4)
  bool scope_ipc = false;             // signals and abstract sockets stay inside (ABI 6)
};

// Opens every path of `policy` (one that does not exist, or that this process cannot reach, is left out) and
// returns the ruleset. Throws Error(Sandbox) where the kernel has no Landlock.
UniqueFd make_landlock_ruleset(const LandlockPolicy& policy);

// Sets no_new_privs and enters `ruleset`; cannot be undone.
void enter_landlock(int ruleset);

}  // namespace hubcell::posix

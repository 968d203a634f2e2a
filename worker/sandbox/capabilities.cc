// Stops a worker that root started from reading everybody's files, changing owners, or loading anything into
// the kernel: it stays user 0, because its files belong to that user, but without one of root's powers. For
// an ordinary user there is nothing to drop, and the same calls succeed.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

constexpr int kCapabilitiesMax = 64;

// The bounding set matters to execve alone; dropping from it needs CAP_SETPCAP, and without it the empty
// permitted set, no_new_privs and the refusal of execve are enough.
void drop_bounding_set() {
  for (int capability = 0; capability < kCapabilitiesMax; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
}

}  // namespace

std::string drop_capabilities() {
  drop_bounding_set();
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  // The ambient set is always inside the permitted one and is emptied with it.
  if (::syscall(SYS_capset, &header, none) != 0) {
    refuse_layer("drop all capabilities", "needs a container that allows capset");
  }
  return "none";
}

}  // namespace hubcell::sandbox

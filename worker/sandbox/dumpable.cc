// Stops other processes of the same user, other workers among them, from reading this one's memory through
// ptrace or /proc, and keeps weights and tensors out of core files.
#include <sys/prctl.h>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {

std::string forbid_dumps() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    refuse_layer("close the process to tracers", "needs a kernel that allows PR_SET_DUMPABLE");
  }
  return "closed to tracers of the same user";
}

}  // namespace hubcell::sandbox

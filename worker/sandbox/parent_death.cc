// Stops a worker from outliving its template, however that ends: nobody else would end it or remove its
// files. The kernel forgets the order when credentials change, so that no later layer may change user or
// group.
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {

std::string die_with_parent(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    refuse_layer("ask to be ended with the parent", "needs a kernel that allows PR_SET_PDEATHSIG");
  }
  // A parent that had ended before the order was given sends no signal. That is no refusal of the sandbox's: the worker
  // ends as it would have a moment later.
  if (::getppid() != parent) ::raise(SIGKILL);
  return "SIGKILL when the template ends";
}

}  // namespace hubcell::sandbox

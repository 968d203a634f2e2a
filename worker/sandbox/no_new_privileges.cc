// Stops set-user-id programs from giving a worker more than it has. The kernel also asks for this promise
// before it lets an ordinary user enter Landlock or seccomp.
#include <sys/prctl.h>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {

std::string give_up_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    refuse_layer("give up new privileges", "needs a kernel that allows PR_SET_NO_NEW_PRIVS");
  }
  return "no program can raise them";
}

}  // namespace hubcell::sandbox

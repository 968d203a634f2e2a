// Stops a worker from using what the template had open: its socket to the supervisor, the memory and
// channels of other workers, and any file that Python or a library left open. Landlock does not take open
// descriptors away.
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

void close_between(unsigned first, unsigned last) {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, 0) != 0) {
    refuse_layer("close inherited descriptors", "needs Linux 5.9 and a container that allows close_range");
  }
}

}  // namespace

std::string close_descriptors(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (fd < static_cast<int>(next)) continue;
    const auto kept_fd = static_cast<unsigned>(fd);
    close_between(next, kept_fd - 1);
    next = kept_fd + 1;
  }
  close_between(next, ~0U);
  return std::to_string(kept.size()) + " kept beside the standard ones, all others closed";
}

}  // namespace hubcell::sandbox

// Stops a worker from taking all memory, all descriptors, pages that cannot be swapped, or a disk full of
// core files. RLIMIT_DATA counts private writable pages, so that a model that needs more gets a MemoryError
// that Python can catch, where a limit of a cgroup would kill. Shared memory with the client is not counted:
// its size is fixed.
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include <hubcell/error.h>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

constexpr rlim_t kDescriptorsMax = 4096;
constexpr rlim_t kLockedBytesMax = 64 * 1024;

// Sets both limits to `bound`, or leaves a hard limit that is lower still.
void set_limit(__rlimit_resource resource, rlim_t bound, const char* name) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) == 0) {
    limit.rlim_max = std::min(limit.rlim_max, bound);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(resource, &limit) == 0) return;
  }
  refuse_layer(std::string("set ") + name, "needs a container that allows setrlimit");
}

// What the process has already, the template's part: forking does not make it smaller.
std::uint64_t data_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmData:")) return std::stoull(line.substr(7)) * 1024;
  }
  throw Error(ErrorCode::Sandbox, "limit memory: /proc/self/status does not tell VmData; mount /proc");
}

}  // namespace

std::string limit_resources(std::uint64_t memory_bytes) {
  set_limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  set_limit(RLIMIT_MEMLOCK, kLockedBytesMax, "RLIMIT_MEMLOCK");
  set_limit(RLIMIT_NOFILE, kDescriptorsMax, "RLIMIT_NOFILE");
  const std::string detail = "no core files, descriptors bounded, memory where a budget is given";
  if (memory_bytes == 0) return detail;
  const std::uint64_t base = data_bytes();
  set_limit(RLIMIT_DATA, base + std::min(memory_bytes, RLIM_INFINITY - base), "RLIMIT_DATA");
  return detail;
}

}  // namespace hubcell::sandbox

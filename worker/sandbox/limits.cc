// Stops a worker from taking all descriptors, threads, pages that cannot be swapped, or a disk full of core files or of one
// file. Where a file is bounded, Python raises OSError (EFBIG): it ignores SIGXFSZ.
//
// The kernel counts the threads of a user, not of a process, and those of root not at all. So many more than the whole machine
// has now is the bound here, which is read before the machine's /proc is out of sight; a user namespace (namespaces.cc) has a
// count of its own.
#include <fstream>

#include <hubcell/error.h>

#include "worker/sandbox/set_limit.h"

namespace hubcell::sandbox {
namespace {

constexpr rlim_t kDescriptorsMax = 4096;
constexpr rlim_t kLockedBytesMax = 64 * 1024;

// "0.20 0.18 0.12 1/80 11206": behind the load, how many run and how many there are.
std::uint64_t threads_now() {
  std::ifstream loads("/proc/loadavg");
  std::uint64_t running = 0, all = 0;
  std::string word;
  char slash = 0;
  loads >> word >> word >> word >> running >> slash >> all;
  if (!loads) throw Error(ErrorCode::Sandbox, "limit threads: /proc/loadavg does not tell them; mount /proc");
  return all;
}

}  // namespace

std::string limit_resources(std::uint64_t file_bytes) {
  set_limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  set_limit(RLIMIT_MEMLOCK, kLockedBytesMax, "RLIMIT_MEMLOCK");
  set_limit(RLIMIT_NOFILE, kDescriptorsMax, "RLIMIT_NOFILE");
  set_limit(RLIMIT_NPROC, threads_now() + kThreadsMax, "RLIMIT_NPROC");
  if (file_bytes != 0) set_limit(RLIMIT_FSIZE, file_bytes, "RLIMIT_FSIZE");
  return "no core files; descriptors, threads and the size of a file bounded";
}

}  // namespace hubcell::sandbox

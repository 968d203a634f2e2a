// Stops a worker from taking more memory than its budget. RLIMIT_DATA counts private writable pages, so that a model that
// needs more gets a MemoryError that Python can catch, where a limit of a cgroup would kill. Shared memory with the
// client is not counted: its size is fixed. RLIMIT_AS is far above, for the sake of the kernel: the tables of pages that are
// only ever read cost memory too, and count nowhere.
#include <fstream>

#include <hubcell/error.h>

#include "worker/sandbox/set_limit.h"

namespace hubcell::sandbox {
namespace {

// What is mapped costs the kernel 1/512 of it in tables. Room for what is shared with the client, and for files.
constexpr std::uint64_t kMappedBytesMax = std::uint64_t{256} << 30;

// What the process has already, the template's part: forking does not make it smaller.
std::uint64_t bytes_now(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::stoull(line.substr(what.size() + 1)) * 1024;
  }
  throw Error(ErrorCode::Sandbox, "limit memory: /proc/self/status does not tell " + what + "; mount /proc");
}

std::uint64_t sum(std::uint64_t base, std::uint64_t more) {
  return base + std::min(more, RLIM_INFINITY - base);
}

}  // namespace

std::string limit_memory(std::uint64_t budget_bytes) {
  if (budget_bytes == 0) return "bounded where a budget is given";
  set_limit(RLIMIT_DATA, sum(bytes_now("VmData"), budget_bytes), "RLIMIT_DATA");
  set_limit(RLIMIT_AS, sum(bytes_now("VmSize"), sum(budget_bytes, kMappedBytesMax)), "RLIMIT_AS");
  return "at most " + std::to_string(budget_bytes >> 20) + " MiB";
}

}  // namespace hubcell::sandbox

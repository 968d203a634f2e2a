#include "shared/posix/process_use.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <sstream>

namespace hubcell::posix {
namespace {

std::string proc_path(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

}  // namespace

ProcessUse use_of(pid_t pid) {
  std::ifstream status(proc_path(pid, "status"));
  ProcessUse use;
  for (std::string name; status >> name; status.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (name != "RssAnon:" && name != "RssFile:" && name != "RssShmem:") continue;
    std::uint64_t kibibytes = 0;
    if (status >> kibibytes) (name == "RssAnon:" ? use.private_bytes : use.shared_bytes) += kibibytes << 10;
  }
  return use;
}

// man 5 proc: the name stands in brackets and may hold anything; utime and stime are the 12th and 13th field after it.
std::chrono::milliseconds processor_time_of(pid_t pid) {
  std::ifstream stat(proc_path(pid, "stat"));
  std::string line;
  std::getline(stat, line, '\0');
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  std::int64_t user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::string name_of(pid_t pid) {
  std::ifstream comm(proc_path(pid, "comm"));
  std::string name;
  std::getline(comm, name);
  return name;
}

std::uint64_t machine_memory_bytes() {
  struct sysinfo machine {};
  ::sysinfo(&machine);
  return std::uint64_t{machine.totalram} * machine.mem_unit;
}

}  // namespace hubcell::posix

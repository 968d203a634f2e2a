// Stops a worker from reading or writing files beyond its checkout, its interpreter, its scratch folder and
// what it was granted; from TCP; and from signals and abstract sockets that leave the sandbox (Landlock).
//
// The rule for /proc/self is made here, in the child: made before the fork, it would name the template's
// folder.
#include <sys/stat.h>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

std::string describe(int abi) {
  std::string text = "Landlock ABI " + std::to_string(abi) + ": files";
  if (abi >= 4) text += ", TCP";
  if (abi >= 5) text += ", devices";
  if (abi >= 6) text += ", signals and abstract sockets";
  // The system call filter refuses all of these as well, so that an older kernel is one wall weaker, not
  // open.
  if (abi < 6)
    text += "; Linux 6.12 would add " + std::string(abi >= 4 ? "" : "TCP, ") + "signals and sockets";
  return text;
}

// The machine's own /dev/shm is everybody's.
bool is_same(const std::string& path, const std::string& other) {
  struct stat here {};
  struct stat there {};
  return ::stat(path.c_str(), &here) == 0 && ::stat(other.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

}  // namespace

std::string restrict_files(posix::LandlockPolicy files, const Scratch& scratch) {
  files.readable.emplace_back("/proc/self");
  if (!scratch.folder.empty() && is_same(kSharedMemory, shared_memory_of(scratch)))
    files.writable.emplace_back(kSharedMemory);
  const posix::UniqueFd ruleset = posix::make_landlock_ruleset(files);
  posix::enter_landlock(ruleset.get());
  return describe(posix::landlock_abi());
}

}  // namespace hubcell::sandbox

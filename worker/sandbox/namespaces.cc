// Stops a worker from reaching what all processes of a machine share: its network devices, System V and POSIX message queues,
// host names; and, by a user namespace of its own, from holding any power outside of it, and from starting more threads than
// it may: those of a user are counted for each namespace.
//
// The user keeps the number that it has: files belong to it. Root may go without a user namespace (a chroot forbids them), which
// leaves the count of threads out.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "shared/posix/unique_fd.h"
#include "worker/sandbox/set_limit.h"

namespace hubcell::sandbox {
namespace {

constexpr const char* kAdvice =
    "needs namespaces, which a chroot and many containers forbid; hubcell doctor says how to allow them";

void write_own(const char* name, const std::string& text) {
  const std::string path = std::string("/proc/self/") + name;
  const posix::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
  // Kernels before 3.19 have no setgroups.
  if (!file && errno == ENOENT) return;
  refuse_layer("write " + path, kAdvice);
}

std::string mapped_to_itself(unsigned id) {
  return std::to_string(id) + " " + std::to_string(id) + " 1";
}

}  // namespace

std::string enter_user_namespace() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) refuse_layer("enter a user namespace", kAdvice);
  write_own("setgroups", "deny");
  write_own("uid_map", mapped_to_itself(user));
  write_own("gid_map", mapped_to_itself(group));
  set_limit(RLIMIT_NPROC, kThreadsMax, "RLIMIT_NPROC");
  return user == 0 ? "powerless outside of it"
                   : "powerless outside of it, at most " + std::to_string(kThreadsMax) + " threads";
}

std::string leave_shared_namespaces() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    refuse_layer("enter namespaces for network, IPC and host names", kAdvice);
  return "no network devices but an idle one, no queues and host names of others";
}

}  // namespace hubcell::sandbox

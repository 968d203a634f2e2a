// Preloaded into what runs under valgrind, which knows neither Landlock nor pidfds, and would be ended by our filter
// of system calls: what is asked of the kernel is answered here, and not done. For counting instructions only
// (instructions.py): a worker that has this is held by nothing.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <map>

namespace {

constexpr long kLandlockAbi = 3;

using Syscall = long (*)(long number, ...);

std::map<int, pid_t>& processes() {
  static std::map<int, pid_t> by_descriptor;
  return by_descriptor;
}

// Never readable: that a process ended is noticed by other means, or at the end.
long open_pidfd(pid_t pid) {
  const int descriptor = ::eventfd(0, EFD_CLOEXEC);
  if (descriptor >= 0) processes()[descriptor] = pid;
  return descriptor;
}

long send_signal(int pidfd, int signal) {
  const auto found = processes().find(pidfd);
  return found == processes().end() ? -1 : ::kill(found->second, signal);
}

// libseccomp tries what the kernel knows with calls that the kernel must refuse, each in its own way.
long answer_seccomp(unsigned long operation, unsigned long filter) {
  if (operation == SECCOMP_GET_ACTION_AVAIL || filter != 0) return 0;
  errno = operation == SECCOMP_SET_MODE_STRICT ? EINVAL : EFAULT;
  return -1;
}

long make_ruleset(unsigned long flags) {
  if ((flags & LANDLOCK_CREATE_RULESET_VERSION) != 0) return kLandlockAbi;
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// What is started from here runs without valgrind, and needs the kernel's own answers. valgrind's own launcher hands
// the variable on.
[[gnu::constructor]] void keep_to_this_process() {
  if (RUNNING_ON_VALGRIND) ::unsetenv("LD_PRELOAD");
}

}  // namespace

extern "C" {

// glibc's, for whoever is not linked to it statically.
[[gnu::visibility("default")]] long syscall(long number, ...) {
  unsigned long words[6];
  va_list list;
  va_start(list, number);
  for (unsigned long& word : words)
    word = va_arg(list, unsigned long);
  va_end(list);
  switch (number) {
    case SYS_landlock_create_ruleset:
      return make_ruleset(words[2]);
    case SYS_landlock_add_rule:
    case SYS_landlock_restrict_self:
      return 0;
    case SYS_seccomp:
      return answer_seccomp(words[0], words[2]);
    case SYS_pidfd_open:
      return open_pidfd(static_cast<pid_t>(words[0]));
    case SYS_pidfd_send_signal:
      return send_signal(static_cast<int>(words[0]), static_cast<int>(words[1]));
    default:
      static const auto original = reinterpret_cast<Syscall>(::dlsym(RTLD_NEXT, "syscall"));
      return original(number, words[0], words[1], words[2], words[3], words[4], words[5]);
  }
}

// The filter proves itself by this call.
[[gnu::visibility("default")]] int personality(unsigned long) {
  errno = EPERM;
  return -1;
}

// valgrind keeps the highest descriptors for itself.
[[gnu::visibility("default")]] int setrlimit(__rlimit_resource_t, const rlimit*) noexcept {
  return 0;
}

// For the model, which calls them by ctypes (model/hubconf.py).
[[gnu::visibility("default")]] void hubcell_benchmarks_start_counting() {
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
}
[[gnu::visibility("default")]] void hubcell_benchmarks_stop_counting() {
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
}
}

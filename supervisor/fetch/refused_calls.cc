// A list of what is refused, and not one of what is allowed as workers have it (worker/sandbox/seccomp_policy.cc): libgit2, libcurl,
// the resolver and its modules need calls that differ from machine to machine.
#include "supervisor/fetch/refused_calls.h"

#include <linux/sched.h>
#include <seccomp.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "shared/base/log.h"

namespace hubcell::fetch {
namespace {

// clang-format off
constexpr std::array kRefused{
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "kill", "tkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "move_pages",
    "migrate_pages", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "name_to_handle_at", "open_by_handle_at", "bpf", "perf_event_open", "userfaultfd", "add_key",
    "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register", "init_module", "finit_module", "delete_module",
    "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "syslog", "iopl", "ioperm", "modify_ldt",
    "personality", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset", "sethostname",
    "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "shmget", "msgget", "semget", "fanotify_init",
    "memfd_secret",
};
// clang-format on

using Filter = std::unique_ptr<void, decltype(&::seccomp_release)>;

int add_rules(scmp_filter_ctx filter) {
  int failed = 0;
  for (const char* call : kRefused) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number != __NR_SCMP_ERROR && failed == 0)
      failed = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
  }
  const scmp_arg_cmp no_thread{.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD, .datum_b = 0};
  if (failed == 0) failed = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, no_thread);
  // It takes its flags by pointer, where no filter can look; libraries use clone then.
  if (failed == 0) failed = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  return failed;
}

}  // namespace

void refuse_calls() {
  const Filter filter(::seccomp_init(SCMP_ACT_ALLOW), &::seccomp_release);
  int failed =
      filter ? ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;
  if (failed == 0) failed = add_rules(filter.get());
  if (failed == 0) failed = ::seccomp_load(filter.get());
  if (failed != 0) {
    log::warn("the fetcher could not filter its system calls (" + std::generic_category().message(-failed) +
              "): a flaw in it could start programs");
  }
}

}  // namespace hubcell::fetch

// The allow-list, for x86-64 and arm64: a call that one of them lacks is left out there. It was found by
// running torch (imports, every format of torch.load, TorchScript, OpenMP, autograd), numpy, PIL and many published repositories under it, and starts from nothing: what is not here
// is EPERM.
//
// Four kinds of entry: allowed; allowed with certain arguments; answered with ENOSYS, where libraries have an
// older way that the filter can look into (clone3 takes its flags by pointer, clone by value); and answered
// without being done, where a failure would stop a program that does not depend on the effect (changes of
// mode, owner and times).
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "worker/sandbox/layers.h"

namespace hubcell::sandbox {
namespace {

// clang-format off
constexpr const char* kAllowed[] = {
    // Descriptors that are open, and waiting for them.
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek",
    "close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2", "poll", "ppoll", "select", "pselect6",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2",
    "fsync", "fdatasync", "ftruncate", "fallocate", "fadvise64", "readahead", "flock", "sendfile", "copy_file_range",
    "sendmsg", "recvmsg", "sendto", "recvfrom", "shutdown",
    // Files and folders: Landlock decides which.
    "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "creat", "umask", "symlink", "symlinkat", "link", "linkat",
    // Memory.
    "munmap", "mremap", "mprotect", "madvise", "brk", "msync", "mincore", "membarrier", "munlock",
    // Threads of this process.
    "futex", "futex_waitv", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getscheduler",
    "sched_getparam", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "getcpu", "getpriority",
    "arch_prctl", "exit", "exit_group", "wait4", "waitid",
    // Who it is.
    "gettid", "getpid", "getppid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid", "getegid",
    "getresuid", "getresgid", "getgroups", "capget",
    // Its own signals and timers.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
    "sigaltstack", "restart_syscall", "pause", "alarm", "setitimer", "getitimer", "timer_create", "timer_settime",
    "timer_gettime", "timer_delete", "timer_getoverrun", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    // Time, and facts about the machine.
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage",
    "sysinfo", "uname", "getrandom", "getrlimit",
};

constexpr const char* kAbsent[] = {
    "clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
    "mseal", "rseq_slice_yield",
};

constexpr const char* kPretended[] = {
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
    "utimensat", "futimesat",
};

constexpr const char* kNotSupported[] = {
    "setxattr", "lsetxattr", "fsetxattr", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
    "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
    "setxattrat", "getxattrat", "listxattrat", "removexattrat",
};

// What libseccomp 2.5.4 does not know by name. Since Linux 5.1 a new call has one number on every architecture.
struct NumberedCall { std::string_view name; int number; };
constexpr NumberedCall kNumbers[] = {
    {"fchmodat2", 452}, {"mseal", 462}, {"setxattrat", 463}, {"getxattrat", 464}, {"listxattrat", 465},
    {"removexattrat", 466}, {"rseq_slice_yield", 471},
};
// clang-format on

// A call is allowed where argument `index`, under `mask`, is `value`. Rows of one call are alternatives.
struct ArgumentRule {
  const char* call;
  unsigned index;
  std::uint64_t mask;
  std::uint64_t value;
};

// The kernel takes an int from the lower half of a register and ignores the rest.
constexpr std::uint64_t kInt = 0xffffffff;

// A new thread of this process, in the namespaces of this process.
constexpr std::uint64_t kThread =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
constexpr std::uint64_t kThreadMask = kThread | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE |
                                      CLONE_UNTRACED;

// Reading with O_TRUNC empties a file, which Landlock sees from ABI 3 on only. fcntl lacks F_SETOWN, F_SETSIG
// and F_NOTIFY (signals to others) and F_ADD_SEALS (the supervisor seals; a worker's seal would break the
// client's mappings). A datagram socket can be sent to any socket file without connecting: only the other two
// kinds. Memory that is shared with nobody yet, or grows like a stack, counts for no limit of the process.
constexpr std::uint64_t kSocketKind = 0xf;
constexpr ArgumentRule kAllowedWith[] = {
    {"clone", 0, kThreadMask, kThread},
    {"mmap", 3, MAP_ANONYMOUS | MAP_GROWSDOWN, 0},
    {"mmap", 3, MAP_SHARED | MAP_GROWSDOWN, 0},
    {"open", 1, O_TRUNC, 0},
    {"open", 1, O_ACCMODE, O_WRONLY},
    {"open", 1, O_ACCMODE, O_RDWR},
    {"openat", 2, O_TRUNC, 0},
    {"openat", 2, O_ACCMODE, O_WRONLY},
    {"openat", 2, O_ACCMODE, O_RDWR},
    {"ioctl", 1, kInt, TCGETS},
    {"ioctl", 1, kInt, FIOCLEX},
    {"ioctl", 1, kInt, FIONCLEX},
    {"ioctl", 1, kInt, FIONREAD},
    {"ioctl", 1, kInt, FIONBIO},
    {"ioctl", 1, kInt, TIOCGWINSZ},
    {"fcntl", 1, kInt, F_DUPFD},
    {"fcntl", 1, kInt, F_DUPFD_CLOEXEC},
    {"fcntl", 1, kInt, F_GETFD},
    {"fcntl", 1, kInt, F_SETFD},
    {"fcntl", 1, kInt, F_GETFL},
    {"fcntl", 1, kInt, F_SETFL},
    {"fcntl", 1, kInt, F_GETLK},
    {"fcntl", 1, kInt, F_SETLK},
    {"fcntl", 1, kInt, F_SETLKW},
    {"fcntl", 1, kInt, F_OFD_GETLK},
    {"fcntl", 1, kInt, F_OFD_SETLK},
    {"fcntl", 1, kInt, F_OFD_SETLKW},
    {"fcntl", 1, kInt, F_GET_SEALS},
    {"prctl", 0, kInt, PR_SET_NAME},
    {"prctl", 0, kInt, PR_GET_NAME},
    {"prctl", 0, kInt, PR_GET_DUMPABLE},
    {"prctl", 0, kInt, PR_GET_NO_NEW_PRIVS},
    {"prctl", 0, kInt, PR_GET_SECCOMP},
    {"prctl", 0, kInt, PR_SET_VMA},
    {"prctl", 0, kInt, PR_GET_TIMERSLACK},
};

// Of a call that this architecture lacks (arm64 has no open, but openat) the number is one that libseccomp leaves out.
int number_of(const char* call) {
  const int number = ::seccomp_syscall_resolve_name(call);
  if (number != __NR_SCMP_ERROR) return number;
  for (const NumberedCall& numbered : kNumbers) {
    if (numbered.name == call) return numbered.number;
  }
  return __NR_SCMP_ERROR;
}

void add_rule(scmp_filter_ctx filter, std::uint32_t action, const char* call,
              std::span<const scmp_arg_cmp> conditions = {}) {
  const int number = number_of(call);
  const int result =
      number == __NR_SCMP_ERROR
          ? -ENOSYS
          : ::seccomp_rule_add_array(filter, action, number, static_cast<unsigned>(conditions.size()),
                                     conditions.data());
  if (result == 0) return;
  // For another architecture libseccomp translates names, and so leaves out what it does not know by name.
  const bool is_foreign = ::seccomp_arch_exist(filter, ::seccomp_arch_native()) != 0;
  if (is_foreign && ::seccomp_syscall_resolve_name(call) == __NR_SCMP_ERROR) return;
  errno = -result;
  refuse_layer("filter system call " + std::string(call), "needs libseccomp 2.5.4 or later");
}

scmp_arg_cmp masked(unsigned index, std::uint64_t mask, std::uint64_t value) {
  return {.arg = index, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

}  // namespace

void add_seccomp_rules(scmp_filter_ctx filter, std::uint32_t own_pid) {
  for (const char* call : kAllowed)
    add_rule(filter, SCMP_ACT_ALLOW, call);
  for (const char* call : kAbsent)
    add_rule(filter, SCMP_ACT_ERRNO(ENOSYS), call);
  for (const char* call : kPretended)
    add_rule(filter, SCMP_ACT_ERRNO(0), call);
  for (const char* call : kNotSupported)
    add_rule(filter, SCMP_ACT_ERRNO(ENOTSUP), call);
  for (const ArgumentRule& rule : kAllowedWith)
    add_rule(filter, SCMP_ACT_ALLOW, rule.call, std::array{masked(rule.index, rule.mask, rule.value)});
  for (const char* call : {"kill", "tgkill"})
    add_rule(filter, SCMP_ACT_ALLOW, call, std::array{masked(0, kInt, own_pid)});
  // Reading the limits of this process, setting none.
  const scmp_arg_cmp no_new_limit{.arg = 2, .op = SCMP_CMP_EQ, .datum_a = 0, .datum_b = 0};
  add_rule(filter, SCMP_ACT_ALLOW, "prlimit64", std::array{masked(0, kInt, 0), no_new_limit});
  for (const std::uint64_t kind : {SOCK_STREAM, SOCK_SEQPACKET}) {
    add_rule(filter, SCMP_ACT_ALLOW, "socketpair",
             std::array{masked(0, kInt, AF_UNIX), masked(1, kSocketKind, kind)});
  }
}

}  // namespace hubcell::sandbox

// The filter of system calls for x86-64 and for arm64, simulated: what it decides about calls by the numbers of the kernel's
// own tables. Whether the kernel enforces it is for sandbox_test.cc to say, on the machine at hand.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <csignal>
#include <initializer_list>
#include <ostream>

#include "tests/support/bpf_simulator.h"
#include "tests/support/call_numbers.h"
#include "worker/sandbox/sandbox.h"

namespace hubcell::sandbox {
namespace {

constexpr pid_t kPid = 4711;
constexpr std::uint64_t kThread =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

struct Machine {
  const char* name;
  std::uint32_t architecture;
  std::uint32_t other;
  const tests::CallNumbers& (*numbers)();
};

void PrintTo(const Machine& machine, std::ostream* out) {
  *out << machine.name;
}

class Policy : public testing::TestWithParam<Machine> {
 protected:
  // SECCOMP_RET_*, with an errno in its lower half.
  std::uint32_t decide(long number, std::initializer_list<std::uint64_t> arguments = {}) const {
    return decide_on(GetParam().architecture, number, arguments);
  }
  std::uint32_t decide(const char* name, std::initializer_list<std::uint64_t> arguments = {}) const {
    return decide(GetParam().numbers().at(name), arguments);
  }
  std::uint32_t decide_on(std::uint32_t architecture, long number,
                          std::initializer_list<std::uint64_t> arguments) const {
    seccomp_data call{};
    call.nr = static_cast<int>(number);
    call.arch = architecture;
    std::size_t index = 0;
    for (const std::uint64_t argument : arguments)
      call.args[index++] = argument;
    const std::optional<std::uint32_t> decision = tests::decide(instructions_, call);
    EXPECT_TRUE(decision) << "call " << number;
    return decision.value_or(SECCOMP_RET_TRAP);
  }
  static std::uint32_t fails(int error_number) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
  }

  const std::vector<sock_filter> instructions_ =
      SeccompProgram::compile(GetParam().architecture).instructions_for(kPid);
};

TEST_P(Policy, WhatModelsNeedIsAllowed) {
  for (const char* name : {"read",         "write",         "readv",
                           "pread64",      "lseek",         "close",
                           "dup3",         "pipe2",         "ppoll",
                           "pselect6",     "epoll_create1", "epoll_ctl",
                           "epoll_pwait",  "eventfd2",      "fstat",
                           "newfstatat",   "statx",         "faccessat",
                           "readlinkat",   "getdents64",    "mkdirat",
                           "unlinkat",     "renameat2",     "munmap",
                           "mremap",       "mprotect",      "madvise",
                           "brk",          "futex",         "set_robust_list",
                           "rseq",         "sched_yield",   "sched_getaffinity",
                           "exit",         "exit_group",    "getpid",
                           "gettid",       "rt_sigaction",  "rt_sigprocmask",
                           "rt_sigreturn", "clock_gettime", "clock_nanosleep",
                           "getrandom",    "uname",         "sysinfo",
                           "getrusage",    "sendmsg",       "recvmsg"})
    EXPECT_EQ(decide(name), SECCOMP_RET_ALLOW) << name;
}

TEST_P(Policy, WhatNoModelNeedsIsRefused) {
  for (const char* name : {"execve",
                           "execveat",
                           "ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "kcmp",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "init_module",
                           "finit_module",
                           "kexec_load",
                           "reboot",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "unshare",
                           "setns",
                           "open_tree",
                           "move_mount",
                           "fsopen",
                           "memfd_create",
                           "socket",
                           "bind",
                           "connect",
                           "listen",
                           "accept4",
                           "setuid",
                           "setresuid",
                           "setgroups",
                           "capset",
                           "setrlimit",
                           "personality",
                           "syslog",
                           "sethostname",
                           "swapon",
                           "open_by_handle_at",
                           "name_to_handle_at",
                           "fanotify_init",
                           "inotify_init1",
                           "shmget",
                           "msgget",
                           "semget",
                           "mq_open",
                           "tkill",
                           "rt_sigqueueinfo",
                           "setpgid",
                           "setsid",
                           "setpriority",
                           "sched_setaffinity",
                           "sched_setscheduler",
                           "ioprio_set",
                           "move_pages",
                           "mbind",
                           "truncate",
                           "mknodat"})
    EXPECT_EQ(decide(name), fails(EPERM)) << name;
}

TEST_P(Policy, ACallOfALaterKernelIsRefused) {
  EXPECT_EQ(decide(480), fails(EPERM));
  EXPECT_EQ(decide(100'000), fails(EPERM));
}

TEST_P(Policy, LibrariesAreSentToTheOlderCall) {
  for (const char* name : {"clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register",
                           "pidfd_open", "pidfd_getfd", "landlock_restrict_self"})
    EXPECT_EQ(decide(name), fails(ENOSYS)) << name;
}

TEST_P(Policy, ModesAndOwnersSeemToChange) {
  for (const char* name : {"fchmod", "fchmodat", "fchown", "fchownat", "utimensat"})
    EXPECT_EQ(decide(name), fails(0)) << name;
  EXPECT_EQ(decide("getxattr"), fails(ENOTSUP));
}

TEST_P(Policy, ThreadsStartAndProcessesDoNot) {
  EXPECT_EQ(decide("clone", {kThread | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID}),
            SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("clone", {SIGCHLD}), fails(EPERM));
  EXPECT_EQ(decide("clone", {CLONE_VM | CLONE_VFORK | SIGCHLD}), fails(EPERM));
  EXPECT_EQ(decide("clone", {kThread | CLONE_NEWUSER}), fails(EPERM));
  EXPECT_EQ(decide("clone", {kThread | CLONE_UNTRACED}), fails(EPERM));
}

TEST_P(Policy, ItSignalsItselfAlone) {
  for (const char* name : {"kill", "tgkill"}) {
    EXPECT_EQ(decide(name, {static_cast<std::uint64_t>(kPid)}), SECCOMP_RET_ALLOW) << name;
    for (const std::uint64_t other : {1UL, 0UL, ~0UL, static_cast<std::uint64_t>(kPid + 1)})
      EXPECT_EQ(decide(name, {other}), fails(EPERM)) << name << " " << other;
  }
}

TEST_P(Policy, ReadingDoesNotEmptyAFile) {
  EXPECT_EQ(decide("openat", {0, 0, O_RDONLY | O_CLOEXEC}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("openat", {0, 0, O_WRONLY | O_CREAT | O_TRUNC}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("openat", {0, 0, O_RDONLY | O_TRUNC}), fails(EPERM));
}

TEST_P(Policy, ArgumentsDecide) {
  EXPECT_EQ(decide("socketpair", {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("socketpair", {AF_UNIX, SOCK_DGRAM}), fails(EPERM));
  EXPECT_EQ(decide("mmap", {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("mmap", {0, 4096, 3, MAP_SHARED, 3}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("mmap", {0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS}), fails(EPERM));
  EXPECT_EQ(decide("mmap", {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN}), fails(EPERM));
  EXPECT_EQ(decide("fcntl", {3, F_GETFL}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("fcntl", {3, F_SETOWN}), fails(EPERM));
  EXPECT_EQ(decide("fcntl", {3, F_ADD_SEALS}), fails(EPERM));
  // The kernel looks at the lower half of an int.
  EXPECT_EQ(decide("fcntl", {3, (std::uint64_t{1} << 32) | F_SETOWN}), fails(EPERM));
  EXPECT_EQ(decide("prlimit64", {0, 7, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide("prlimit64", {0, 7, 0x1000}), fails(EPERM));
  EXPECT_EQ(decide("prlimit64", {1, 7, 0}), fails(EPERM));
}

TEST_P(Policy, ACallOfAnotherArchitectureEndsTheProcess) {
  for (const std::uint32_t other :
       {GetParam().other, std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{AUDIT_ARCH_ARM}})
    EXPECT_EQ(decide_on(other, GetParam().numbers().at("read"), {}), SECCOMP_RET_KILL_PROCESS) << other;
  constexpr long kX32 = 0x40000000;
  if (GetParam().architecture == AUDIT_ARCH_X86_64) {
    EXPECT_EQ(decide(kX32 + GetParam().numbers().at("read")), SECCOMP_RET_KILL_PROCESS);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Machines, Policy,
    testing::Values(Machine{"x86_64", AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, &tests::x86_64_calls},
                    Machine{"arm64", AUDIT_ARCH_AARCH64, AUDIT_ARCH_X86_64, &tests::arm64_calls}),
    [](const auto& machine) { return machine.param.name; });

}  // namespace
}  // namespace hubcell::sandbox

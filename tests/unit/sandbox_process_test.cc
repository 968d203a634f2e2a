// The sandbox against attempts on processes: starting them, signalling them, looking into them, outliving
// them; and against system calls of other kinds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include <hubcell/error.h>

#include "tests/support/sandbox_fixture.h"

namespace hubcell::sandbox {
namespace {

using tests::attempt_in_child;
using tests::errno_of;
using tests::kKilledBySignal;
using tests::read_file;

class SandboxProcess : public tests::SandboxFixture {};

TEST_F(SandboxProcess, NoProgramCanBeStarted) {
  expect_refused([] {
    ::execl("/bin/true", "true", static_cast<char*>(nullptr));
    return errno;
  });
}

template <typename Start>
int start_and_reap(Start start) {
  const long pid = start();
  if (pid < 0) return errno;
  if (pid == 0) ::_exit(0);
  return errno_of(::waitpid(static_cast<pid_t>(pid), nullptr, 0));
}

TEST_F(SandboxProcess, NoProcessCanBeForked) {
  expect_refused([] { return start_and_reap([] { return ::fork(); }); });
  expect_refused([] { return start_and_reap([] { return ::syscall(SYS_fork); }); });
  expect_refused([] {
    return start_and_reap([] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0); });
  });
  // What vfork is made of, without sharing the stack.
  expect_refused([] {
    return start_and_reap(
        [] { return ::syscall(SYS_clone, CLONE_VFORK | SIGCHLD, nullptr, nullptr, nullptr, 0); });
  });
  EXPECT_EQ(inside([] { return errno_of(::syscall(SYS_vfork)); }), EPERM);
}

TEST_F(SandboxProcess, NewNamespacesAreRefused) {
  EXPECT_EQ(inside([] { return errno_of(::syscall(SYS_unshare, CLONE_NEWUSER)); }), EPERM);
  EXPECT_EQ(inside([] {
              return errno_of(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
            }),
            EPERM);
}

TEST_F(SandboxProcess, ThreadsCanBeStarted) {
  expect_allowed([] {
    int result = 1;
    std::thread([&] { result = 0; }).join();
    return result;
  });
}

TEST_F(SandboxProcess, Clone3SeemsNotToExist) {
  EXPECT_EQ(inside([] { return errno_of(::syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
}

TEST_F(SandboxProcess, SignalsReachNobodyElse) {
  expect_refused([] { return errno_of(::kill(::getppid(), 0)); });
  expect_refused([] { return errno_of(::kill(0, 0)); });
  expect_refused([] { return errno_of(::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0)); });
  expect_refused([] { return errno_of(::syscall(SYS_tkill, ::gettid(), 0)); });
  EXPECT_EQ(inside([] { return errno_of(::kill(-1, SIGKILL)); }), EPERM);
}

TEST_F(SandboxProcess, AProcessMaySignalItself) {
  expect_allowed([] { return errno_of(::kill(::getpid(), 0)); });
  EXPECT_EQ(inside([] { return ::kill(::getpid(), SIGTERM); }), kKilledBySignal + SIGTERM);
  EXPECT_EQ(inside([] { return ::raise(SIGUSR1); }), kKilledBySignal + SIGUSR1);
}

TEST_F(SandboxProcess, OneProgramServesManyChildrenAndEachSignalsItselfOnly) {
  for (int i = 0; i < 3; ++i) {
    expect_allowed([] { return errno_of(::kill(::getpid(), 0)); });
  }
  EXPECT_EQ(inside([] { return errno_of(::kill(0x5ec0a11d, 0)); }), EPERM);
}

TEST_F(SandboxProcess, MemoryOfProcessesCannotBeReachedAndNothingTraced) {
  expect_refused([] { return errno_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); });
  expect_refused([] {
    char from = 'x';
    char to = 0;
    const iovec source{.iov_base = &from, .iov_len = 1};
    const iovec target{.iov_base = &to, .iov_len = 1};
    return errno_of(::process_vm_readv(::getpid(), &target, 1, &source, 1, 0));
  });
}

TEST_F(SandboxProcess, TheProcessCannotBecomeAnother) {
  expect_refused([] { return errno_of(::personality(0xffffffff)); });
  expect_refused([] { return errno_of(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); });
  expect_refused([] { return errno_of(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)); });
  expect_refused([] { return errno_of(::syscall(SYS_setresuid, ::getuid(), ::getuid(), ::getuid())); });
  EXPECT_EQ(inside([] { return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }), 0);
  EXPECT_EQ(inside([] { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }), 1);
}

TEST_F(SandboxProcess, OtherProcessesOfTheUserCannotLookIntoIt) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may look into every process";
  const SandboxPlan outer = plan();  // its parent is this process
  const SeccompProgram& seccomp = program();
  const auto look_into_child = [&](bool sandboxed) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const posix::UniqueFd ready_read(ready[0]);
    posix::UniqueFd ready_write(ready[1]);
    SandboxPlan child_plan = outer;
    child_plan.kept_descriptors = {ready_write.get()};
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (sandboxed) enter_sandbox(child_plan, seccomp);
      (void)!::write(ready_write.get(), "e", 1);
      for (;;)
        ::pause();
    }
    const posix::ChildProcess child(pid, {});
    ready_write.reset();
    char byte = 0;
    EXPECT_EQ(::read(ready_read.get(), &byte, 1), 1);
    return read_file("/proc/" + std::to_string(pid) + "/environ");
  };
  EXPECT_EQ(look_into_child(false), 0);
  EXPECT_EQ(look_into_child(true), EACCES);
}

// The grandchild holds the writing end of `alive`, so that the pipe ends when it does.
TEST_F(SandboxProcess, AChildEndsWithItsParent) {
  const auto survives_parent = [&](bool sandboxed) {
    int alive[2];
    int stop[2];
    EXPECT_EQ(::pipe2(alive, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(stop, O_CLOEXEC), 0);
    const posix::UniqueFd alive_read(alive[0]);
    posix::UniqueFd alive_write(alive[1]);
    posix::UniqueFd stop_read(stop[0]);
    posix::UniqueFd stop_write(stop[1]);
    const pid_t parent = ::fork();
    if (parent == 0) {
      SandboxPlan child_plan = plan();  // its parent is this process
      child_plan.kept_descriptors = {alive_write.get(), stop_read.get()};
      if (::fork() == 0) {
        stop_write.reset();
        if (sandboxed) enter_sandbox(child_plan, program());
        char byte = 'e';
        (void)!::write(alive_write.get(), &byte, 1);
        if (::read(stop_read.get(), &byte, 1) == 0) (void)!::write(alive_write.get(), "s", 1);
        ::_exit(0);
      }
      for (;;)
        ::pause();
    }
    alive_write.reset();
    char byte = 0;
    EXPECT_EQ(::read(alive_read.get(), &byte, 1), 1);
    posix::ChildProcess(parent, {});  // kills and reaps
    // Without the sandbox the grandchild waits for `stop`; with it, it ends although nobody stops it.
    if (!sandboxed) stop_write.reset();
    pollfd entry{.fd = alive_read.get(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, 20'000) != 1) return true;
    return ::read(alive_read.get(), &byte, 1) == 1;
  };
  (void)program();
  EXPECT_TRUE(survives_parent(false));
  EXPECT_FALSE(survives_parent(true));
}

TEST_F(SandboxProcess, AChildWhoseParentHasGoneEndsAsIfItHadEndedThen) {
  SandboxPlan orphan = plan();
  orphan.parent = 1 << 23;
  EXPECT_EQ(inside(orphan, [] { return 0; }), kKilledBySignal + SIGKILL);
}

// ---- system calls of other kinds

#ifdef __x86_64__
TEST_F(SandboxProcess, ACallOfAnotherArchitectureEndsTheProcess) {
  const auto i386_getpid = [] {
    long number = 20;
    asm volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    return number == ::getpid() ? 0 : 1;
  };
  const auto x32_getpid = [] {
    constexpr long kX32 = 0x40000000;
    ::syscall(kX32 | SYS_getpid);
    return 0;
  };
  EXPECT_EQ(attempt_in_child(x32_getpid), 0);
  EXPECT_EQ(inside(x32_getpid), kKilledBySignal + SIGSYS);
  if (attempt_in_child(i386_getpid) != 0) GTEST_SKIP() << "this kernel runs no i386 calls";
  EXPECT_EQ(inside(i386_getpid), kKilledBySignal + SIGSYS);
}
#endif

TEST_F(SandboxProcess, LandlockSeemsMissingFromInside) {
  EXPECT_EQ(inside([] {
              try {
                posix::make_landlock_ruleset({});
              } catch (const Error& error) {
                return error.code() == ErrorCode::Sandbox && posix::landlock_abi() == 0 ? 0 : 1;
              }
              return 2;
            }),
            0);
}

}  // namespace
}  // namespace hubcell::sandbox

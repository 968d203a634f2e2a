// The sandbox against attempts on files, descriptors, sockets and memory; and the probing of its layers.
#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <hubcell/error.h>

#include "tests/support/sandbox_fixture.h"

// AddressSanitizer's own allocator must answer as malloc does.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace hubcell::sandbox {
namespace {

using tests::attempt_in_child;
using tests::errno_of;
using tests::fill;
using tests::read_file;

class Sandbox : public tests::SandboxFixture {};

constexpr const char* kMinimum =
    "descriptors,limits,parent death,capabilities,dumpable,memory,no new privileges,landlock,seccomp,";

// Whether the layers that are needed, and those that hold, are these.
int compare_layers(const SandboxPlan& plan, const SeccompProgram& seccomp, const std::string& holding) {
  std::string needed;
  std::string held;
  for (const Layer& layer : enter_sandbox(plan, seccomp)) {
    if (layer.needed) needed += layer.name + ",";
    if (layer.holds) held += layer.name + ",";
  }
  return needed == kMinimum && held == holding ? 0 : 1;
}

TEST_F(Sandbox, ReportsEveryLayerAndWhichOfThemHold) {
  SandboxPlan outer = plan();  // its parent is this process
  const SeccompProgram& seccomp = program();
  EXPECT_EQ(attempt_in_child([&] { return compare_layers(outer, seccomp, kMinimum); }), 0);
  outer.level = Level::Off;
  EXPECT_EQ(
      attempt_in_child([&] { return compare_layers(outer, seccomp, "descriptors,parent death,memory,"); }),
      0);
}

// ---- files

TEST_F(Sandbox, FilesOutsideCannotBeRead) {
  expect_refused([&] { return read_file(outside_file()); }, EACCES);
  expect_refused([] { return read_file("/etc/passwd"); }, EACCES);
}

TEST_F(Sandbox, FilesOutsideCannotBeWrittenMadeOrRemoved) {
  expect_refused([&] { return errno_of(::open(outside_file().c_str(), O_WRONLY)); }, EACCES);
  expect_refused([&] { return errno_of(::creat((outside_file() + ".new").c_str(), 0600)); }, EACCES);
  EXPECT_EQ(inside([&] { return errno_of(::unlink(outside_file().c_str())); }), EACCES);
  EXPECT_EQ(inside([&] { return errno_of(::rename(scratch_file().c_str(), outside_file().c_str())); }),
            EACCES);
  EXPECT_EQ(
      inside([&] { return errno_of(::link(scratch_file().c_str(), (outside_file() + ".link").c_str())); }),
      EACCES);
}

TEST_F(Sandbox, ALinkInTheScratchFolderLeadsNowhere) {
  const std::string link = scratch() + "/link";
  expect_refused(
      [&] {
        ::unlink(link.c_str());
        if (::symlink(outside_file().c_str(), link.c_str()) != 0) return 1;
        return read_file(link);
      },
      EACCES);
}

TEST_F(Sandbox, TheScratchFolderIsWritable) {
  expect_allowed([&] {
    std::filesystem::create_directories(scratch() + "/a/b");
    std::ofstream(scratch() + "/a/b/file") << "text";
    std::filesystem::rename(scratch() + "/a/b/file", scratch() + "/moved");
    std::filesystem::create_symlink("moved", scratch() + "/link");
    return std::filesystem::file_size(scratch() + "/link") == 4 &&
                   std::filesystem::remove_all(scratch() + "/a") == 2
               ? 0
               : 1;
  });
}

TEST_F(Sandbox, NothingInTheScratchFolderCanBeRun) {
  std::filesystem::copy_file("/bin/true", scratch() + "/program");
  expect_refused([&] {
    ::execl((scratch() + "/program").c_str(), "program", static_cast<char*>(nullptr));
    return errno;
  });
}

TEST_F(Sandbox, AFileCannotBeEmptiedByReadingIt) {
  expect_refused([&] { return errno_of(::open(scratch_file().c_str(), O_RDONLY | O_TRUNC)); });
  expect_allowed([&] { return errno_of(::open(scratch_file().c_str(), O_WRONLY | O_TRUNC)); });
  expect_allowed([&] { return errno_of(::open(scratch_file().c_str(), O_RDWR | O_TRUNC)); });
}

TEST_F(Sandbox, ModesAndTimesOnlySeemToChange) {
  struct stat before {};
  ASSERT_EQ(::stat(scratch_file().c_str(), &before), 0);
  expect_allowed([&] { return errno_of(::chmod(scratch_file().c_str(), 07777)); });
  struct stat after {};
  ASSERT_EQ(::stat(scratch_file().c_str(), &after), 0);
  EXPECT_EQ(after.st_mode, before.st_mode);
}

TEST_F(Sandbox, ExtendedAttributesAreNotSupported) {
  EXPECT_EQ(inside([&] { return errno_of(::listxattr(scratch_file().c_str(), nullptr, 0)); }), ENOTSUP);
}

TEST_F(Sandbox, ProcShowsTheProcessItselfAndNobodyElse) {
  const std::string parent = "/proc/" + std::to_string(::getpid());
  expect_refused([&] { return read_file(parent + "/status"); }, EACCES);
  expect_refused([&] { return read_file(parent + "/maps"); }, EACCES);
  expect_allowed([] { return read_file("/proc/self/status"); });
  expect_allowed([] { return read_file("/proc/self/maps"); });
  expect_allowed([] { return read_file("/proc/self/task"); });
}

TEST_F(Sandbox, RootHasNoPowers) {
  // Root opens a file without any permissions because of a capability, and only because of that.
  std::filesystem::permissions(scratch_file(), std::filesystem::perms::none);
  const auto attempt = [&] { return read_file(scratch_file()); };
  if (attempt_in_child(attempt) != 0) GTEST_SKIP() << "this user has no capabilities that could be dropped";
  EXPECT_EQ(inside(attempt), EACCES);
}

// ---- descriptors, sockets, memory

TEST_F(Sandbox, InheritedDescriptorsAreClosedUnlessKept) {
  const posix::UniqueFd inherited(::open(outside_file().c_str(), O_RDONLY | O_CLOEXEC));
  const auto attempt = [&] {
    char byte = 0;
    return errno_of(::pread(inherited.get(), &byte, 1, 0));
  };
  expect_refused(attempt, EBADF);
  SandboxPlan keeping = plan();
  keeping.kept_descriptors = {inherited.get()};
  EXPECT_EQ(inside(keeping, attempt), 0);
}

TEST_F(Sandbox, NetworkSocketsAreAnOrdinaryError) {
  for (const int family : {AF_INET, AF_UNIX, AF_NETLINK}) {
    expect_refused([&] { return errno_of(::socket(family, SOCK_DGRAM, 0)); });
  }
}

TEST_F(Sandbox, SocketPairsAreForTalkingToOneself) {
  const auto pair = [](int kind) {
    return [kind] {
      int ends[2];
      return errno_of(::socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, ends));
    };
  };
  expect_allowed(pair(SOCK_STREAM));
  expect_allowed(pair(SOCK_SEQPACKET));
  // One end of a datagram pair can send to any socket file.
  expect_refused(pair(SOCK_DGRAM));
}

TEST_F(Sandbox, MemfdsCannotBeMadeOrSealed) {
  expect_refused([] { return errno_of(::memfd_create("test", 0)); });
  SandboxPlan keeping = plan();
  const auto with_memfd = [&](auto run) {
    const posix::UniqueFd memfd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    keeping.kept_descriptors = {memfd.get()};
    return run([&] { return errno_of(::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE)); });
  };
  EXPECT_EQ(with_memfd([](auto attempt) { return attempt_in_child(attempt); }), 0);
  EXPECT_EQ(with_memfd([&](auto attempt) { return inside(keeping, attempt); }), EPERM);
}

TEST_F(Sandbox, SignalsOfDescriptorsCannotBeDirected) {
  const auto attempt = [](int command, int value) {
    return [command, value] {
      int ends[2];
      if (::pipe(ends) != 0) return 1;
      return errno_of(::fcntl(ends[0], command, value));
    };
  };
  expect_refused(attempt(F_SETOWN, ::getpid()));
  expect_refused(attempt(F_SETSIG, SIGKILL));
  expect_allowed(attempt(F_SETFD, FD_CLOEXEC));
}

TEST_F(Sandbox, DevicesTakeFewRequests) {
  const posix::UniqueFd terminal(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal) GTEST_SKIP() << "this machine has no terminals";
  SandboxPlan keeping = plan();
  keeping.kept_descriptors = {terminal.get()};
  int unlock = 0;
  const auto attempt = [&] { return errno_of(::ioctl(terminal.get(), TIOCSPTLCK, &unlock)); };
  EXPECT_EQ(attempt_in_child(attempt), 0);
  EXPECT_EQ(inside(keeping, attempt), EPERM);
}

TEST_F(Sandbox, MemoryAboveTheBoundIsAFailureThatCanBeCaught) {
  const auto allocate = [](std::size_t bytes) {
    return [bytes] {
      void* volatile memory = std::malloc(bytes);
      return memory == nullptr ? ENOMEM : 0;
    };
  };
  SandboxPlan bounded = plan();
  bounded.memory_bytes = 256ULL << 20;
  EXPECT_EQ(attempt_in_child(allocate(512ULL << 20)), 0);
  EXPECT_EQ(inside(bounded, allocate(512ULL << 20)), ENOMEM);
  EXPECT_EQ(inside(bounded, allocate(64ULL << 20)), 0);
}

TEST_F(Sandbox, LimitsHoldAndCannotBeRaised) {
  const auto limit_of = [](__rlimit_resource resource) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    return limit.rlim_max;
  };
  expect_allowed([&] { return limit_of(RLIMIT_CORE) == 0 && limit_of(RLIMIT_NOFILE) <= 4096 ? 0 : 1; });
  expect_refused([&] {
    rlimit same{};
    ::getrlimit(RLIMIT_NOFILE, &same);
    return errno_of(::setrlimit(RLIMIT_NOFILE, &same));
  });
}

TEST_F(Sandbox, WithoutNamespacesAFileOfTheScratchFolderIsBounded) {
  SandboxPlan minimal = plan();
  minimal.scratch = {.folder = scratch(), .bytes = 1 << 20};
  const auto fill_file = [&](std::size_t bytes) {
    return [this, bytes] {
      ::signal(SIGXFSZ, SIG_IGN);
      return fill(scratch() + "/new", bytes);
    };
  };
  EXPECT_EQ(inside(minimal, [&] { return read_file(scratch_file()); }), 0);
  EXPECT_EQ(inside(minimal, fill_file(512 << 10)), 0);
  EXPECT_EQ(inside(minimal, fill_file(2 << 20)), EFBIG);
}

TEST_F(Sandbox, AProcessOfTwoThreadsDoesNotEnterIt) {
  const SandboxPlan outer = plan();
  const SeccompProgram& seccomp = program();
  const auto attempt = [&] {
    std::promise<void> end;
    std::thread other([waits = end.get_future()] { waits.wait(); });
    int refused = 1;
    try {
      enter_sandbox(outer, seccomp);
    } catch (const Error& error) {
      refused = error.code() == ErrorCode::Sandbox ? 0 : 2;
    }
    end.set_value();
    other.join();
    return refused;
  };
  EXPECT_EQ(attempt_in_child(attempt), 0);
}

// ---- probing

TEST(Probe, EveryLayerIsTriedAndThisProcessStaysAsItIs) {
  if (posix::landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  std::string names;
  for (const Layer& layer : probe_layers()) {
    EXPECT_FALSE(layer.detail.empty());
    if (!layer.needed) continue;  // it depends on the machine
    EXPECT_TRUE(layer.holds) << layer.name << ": " << layer.detail;
    names += layer.name + ",";
  }
  EXPECT_EQ(names, kMinimum);
  EXPECT_EQ(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  EXPECT_EQ(read_file("/etc/passwd"), 0);
}

// As a container does that knows no Landlock: one system call is answered with EPERM.
void refuse_call(unsigned number) {
  sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = 4, .filter = instructions};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

TEST_F(Sandbox, WhereNamespacesAreForbiddenTheBestIsTheMinimum) {
  SandboxPlan forbidden = plan();
  const SeccompProgram& seccomp = program();
  forbidden.level = Level::Best;
  const auto without_unshare = [&](const auto& attempt) {
    return attempt_in_child([] { refuse_call(SYS_unshare); }, attempt);
  };
  EXPECT_EQ(without_unshare([&] {
              SandboxPlan best = forbidden;
              best.missing = missing_layers(seccomp);
              return compare_layers(best, seccomp, kMinimum);
            }),
            0);
  forbidden.level = Level::Full;
  EXPECT_EQ(without_unshare([&] {
              try {
                enter_sandbox(forbidden, seccomp);
              } catch (const Error& refusal) {
                return std::string(refusal.what()).find("enter a user namespace: ") == 0 ? 0 : 2;
              }
              return 1;
            }),
            0);
}

TEST(Probe, ALayerThatCannotBeHadSaysWhatToDo) {
  const auto attempt = [] {
    for (const Layer& layer : probe_layers()) {
      if (!layer.needed) continue;  // it depends on the machine
      if (layer.holds == (layer.name == "landlock")) return 1;
      if (!layer.holds && layer.detail.find("Linux 5.13") == std::string::npos) return 2;
    }
    return 0;
  };
  EXPECT_EQ(attempt_in_child([] { refuse_call(SYS_landlock_create_ruleset); }, attempt), 0);
}

}  // namespace
}  // namespace hubcell::sandbox

// Stops a worker from using the larger part of the kernel: programs, processes, sockets of the network,
// tracing, namespaces, mounts, keys, io_uring, and whatever a later kernel adds. What is not listed in
// seccomp_policy.cc is answered with EPERM, an ordinary error in every language; a call of another
// architecture (i386, x32) ends the process, because no library of ours makes one.
//
// libseccomp compiles the list into a binary tree before the fork. The one thing that differs between workers
// is their process number, to which alone they may send signals: the list is compiled with a number that no
// process can have, and the child replaces it in its copy of the instructions.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/posix/memory.h"
#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "worker/sandbox/layers.h"
#include "worker/sandbox/sandbox.h"

namespace hubcell::sandbox {
namespace {

// Above the kernel's largest process number (2^22), and no flag, request or address that a rule names.
constexpr std::uint32_t kOwnPidPlaceholder = 0x5ec0a11d;
constexpr unsigned kBinaryTree = 2;

using Filter = std::unique_ptr<void, decltype(&::seccomp_release)>;

// libseccomp answers 0 or a negative errno.
void require(int result, const char* attempt) {
  if (result == 0) return;
  errno = -result;
  refuse_layer(attempt, "needs libseccomp 2.5 and a kernel with seccomp filters");
}

std::vector<sock_filter> export_instructions(scmp_filter_ctx filter) {
  const posix::UniqueFd file(posix::checked(::memfd_create("seccomp", MFD_CLOEXEC), "make a memfd"));
  require(::seccomp_export_bpf(filter, file.get()), "export the filter of system calls");
  std::vector<sock_filter> instructions(posix::file_bytes(file.get()) / sizeof(sock_filter));
  const std::size_t bytes = instructions.size() * sizeof(sock_filter);
  HUBCELL_CHECK(::pread(file.get(), instructions.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  return instructions;
}

// The comparisons with the placeholder. One in any other instruction would mean that it is no placeholder.
std::vector<std::size_t> find_pid_places(const std::vector<sock_filter>& instructions) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    if (instructions[i].k != kOwnPidPlaceholder) continue;
    HUBCELL_CHECK(instructions[i].code == (BPF_JMP | BPF_JEQ | BPF_K));
    places.push_back(i);
  }
  HUBCELL_CHECK(!places.empty());
  return places;
}

}  // namespace

SeccompProgram SeccompProgram::compile(std::uint32_t architecture) {
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release);
  if (!filter)
    throw Error(ErrorCode::Sandbox, "make a filter of system calls: libseccomp has no memory; free some");
  if (architecture != 0 && architecture != ::seccomp_arch_native()) {
    require(::seccomp_arch_add(filter.get(), architecture), "filter system calls of that architecture");
    require(::seccomp_arch_remove(filter.get(), ::seccomp_arch_native()), "filter those of it alone");
  }
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
          "filter system calls of other architectures");
  require(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree),
          "order the filter of system calls");
  add_seccomp_rules(filter.get(), kOwnPidPlaceholder);
  std::vector<sock_filter> instructions = export_instructions(filter.get());
  std::vector<std::size_t> places = find_pid_places(instructions);
  return {std::move(instructions), std::move(places)};
}

std::vector<sock_filter> SeccompProgram::instructions_for(pid_t pid) const {
  std::vector<sock_filter> instructions = instructions_;
  for (const std::size_t place : pid_places_)
    instructions[place].k = static_cast<std::uint32_t>(pid);
  return instructions;
}

void SeccompProgram::enter() const {
  give_up_new_privileges();
  std::vector<sock_filter> instructions = instructions_for(::getpid());
  const sock_fprog program{.len = static_cast<unsigned short>(instructions.size()),
                           .filter = instructions.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    refuse_layer("filter system calls",
                 "needs a kernel with CONFIG_SECCOMP_FILTER and a container that allows seccomp");
  }
  // A kernel that only pretends would let this through: it asks for the present value and changes nothing.
  if (::personality(0xffffffff) != -1 || errno != EPERM) {
    throw Error(ErrorCode::Sandbox,
                "filter system calls: a refused call went through; use a kernel that enforces seccomp");
  }
}

}  // namespace hubcell::sandbox

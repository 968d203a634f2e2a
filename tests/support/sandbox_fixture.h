// A scratch folder that the sandbox may write, a folder outside of it with a file, and attempts in children
// that are inside the sandbox or not: a refusal proves something only where the same attempt succeeds without
// the sandbox.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/attempt.h"
#include "worker/sandbox/sandbox.h"

namespace hubcell::tests {

inline int read_file(const std::string& path) {
  return errno_of(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// errno of the first write that failed, or 0.
inline int fill(const std::string& path, std::size_t bytes) {
  const posix::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno;
  const std::vector<char> text(bytes, 'x');
  for (std::size_t written = 0; written < bytes;) {
    const ssize_t count = ::write(file.get(), text.data(), bytes - written);
    if (count < 0) return errno;
    written += static_cast<std::size_t>(count);
  }
  return 0;
}

class SandboxFixture : public testing::Test {
 protected:
  void SetUp() override {
    if (posix::landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
    folder_ = (std::filesystem::temp_directory_path() / "hubcell-sandbox-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directory(scratch());
    std::ofstream(outside_file()) << "secret";
    std::ofstream(scratch_file()) << "text";
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string scratch() const { return folder_ + "/scratch"; }
  std::string scratch_file() const { return scratch() + "/file"; }
  std::string outside_file() const { return folder_ + "/secret"; }

  sandbox::SandboxPlan plan() const {
    return {.level = sandbox::Level::Minimal,
            .kept_descriptors = {},
            .parent = ::getpid(),
            .memory_bytes = 0,
            .files = {.readable = {},
                      .executable = {},
                      .writable = {scratch(), "/dev/null"},
                      .deny_tcp = true,
                      .scope_ipc = true}};
  }

  static const sandbox::SeccompProgram& program() {
    static const sandbox::SeccompProgram compiled = sandbox::SeccompProgram::compile();
    return compiled;
  }

  template <typename Attempt>
  int inside(Attempt attempt) const {
    return inside(plan(), attempt);
  }
  template <typename Attempt>
  int inside(const sandbox::SandboxPlan& plan, Attempt attempt) const {
    const sandbox::SeccompProgram& seccomp = program();
    return attempt_in_child([&] { sandbox::enter_sandbox(plan, seccomp); }, attempt);
  }

  // `attempt` succeeds without the sandbox and ends with `answer` in it.
  template <typename Attempt>
  void expect_refused(Attempt attempt, int answer = EPERM) const {
    EXPECT_EQ(attempt_in_child(attempt), 0) << "without the sandbox";
    EXPECT_EQ(inside(attempt), answer) << "in the sandbox";
  }
  template <typename Attempt>
  void expect_allowed(Attempt attempt) const {
    EXPECT_EQ(inside(attempt), 0);
  }

 private:
  std::string folder_;
};

}  // namespace hubcell::tests

// The rungs that need namespaces: what is seen of the machine's files, and what a user namespace is good for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/sandbox_fixture.h"

namespace hubcell::sandbox {
namespace {

namespace fs = std::filesystem;
using tests::attempt_in_child;
using tests::errno_of;
using tests::fill;
using tests::read_file;

int is_there(const std::string& path) {
  struct stat status {};
  return errno_of(::stat(path.c_str(), &status));
}

class Ladder : public tests::SandboxFixture {
 protected:
  void SetUp() override {
    SandboxFixture::SetUp();
    if (IsSkipped()) return;
    full_ = plan();
    full_.level = Level::Full;
    if (!missing_layers(program()).empty())
      GTEST_SKIP() << "this machine forbids namespaces (a chroot, a container)";
  }

  SandboxPlan full_;
};

TEST_F(Ladder, WhatIsNotAllowedIsNotThere) {
  for (const std::string& path : {outside_file(), std::string("/etc/passwd"), std::string("/home"),
                                  "/proc/" + std::to_string(::getpid())}) {
    EXPECT_EQ(attempt_in_child([&] { return is_there(path); }), 0) << path;
    EXPECT_EQ(inside(full_, [&] { return is_there(path); }), ENOENT) << path;
    EXPECT_EQ(inside(full_, [&] { return is_there("/proc/self/root" + path); }), ENOENT) << path;
  }
  EXPECT_EQ(inside(full_, [] { return is_there("/proc/self/status"); }), 0);
}

TEST_F(Ladder, WhatIsAllowedLiesWhereItDid) {
  EXPECT_EQ(inside(full_, [&] { return read_file(scratch_file()); }), 0);
  EXPECT_EQ(inside(full_, [&] { return errno_of(::creat((scratch() + "/new").c_str(), 0600)); }), 0);
  EXPECT_TRUE(fs::exists(scratch() + "/new"));
  EXPECT_EQ(inside(full_, [] { return errno_of(::open("/dev/null", O_WRONLY)); }), 0);
  EXPECT_EQ(inside(full_, [] { return errno_of(::open("/dev/zero", O_RDONLY)); }), ENOENT);
}

TEST_F(Ladder, AWritableFolderLiesInAReadableOne) {
  const std::string above = fs::path(scratch()).parent_path();
  full_.files.readable = {above};
  EXPECT_EQ(inside(full_, [&] { return read_file(outside_file()); }), 0);
  EXPECT_EQ(inside(full_, [&] { return errno_of(::open(outside_file().c_str(), O_WRONLY)); }), EROFS);
  EXPECT_EQ(inside(full_, [&] { return errno_of(::creat((above + "/new").c_str(), 0600)); }), EROFS);
  EXPECT_EQ(inside(full_, [&] { return errno_of(::creat((scratch() + "/new").c_str(), 0600)); }), 0);
}

TEST_F(Ladder, LinksOnTheWayAreFollowedAndKept) {
  const fs::path folder = fs::path(scratch()).parent_path();
  fs::create_directories(folder / "real" / "deep");
  std::ofstream(folder / "real" / "deep" / "file") << "text";
  fs::create_directory_symlink("real", folder / "link");
  fs::create_directory_symlink(folder / "link" / "deep", folder / "second");
  full_.files.readable = {folder / "second"};
  EXPECT_EQ(inside(full_, [&] { return read_file(folder / "second" / "file"); }), 0);
  EXPECT_EQ(inside(full_, [&] { return read_file(folder / "real" / "deep" / "file"); }), 0);
}

TEST_F(Ladder, WhatComesLaterIsSeenLater) {
  const fs::path grants = fs::path(scratch()).parent_path() / "grants";
  fs::create_directory(grants);
  full_.files.readable = {grants};
  int turn[2];
  ASSERT_EQ(::pipe2(turn, O_CLOEXEC), 0);
  const posix::UniqueFd to_read(turn[0]);
  const posix::UniqueFd to_write(turn[1]);
  full_.kept_descriptors = {to_read.get()};
  std::ofstream(grants / "ready");
  const auto waits = [&] {
    char byte = 0;
    (void)!::read(to_read.get(), &byte, 1);
    return read_file(grants / "file");
  };
  // The writer is a child of its own: it puts the file there once, before it says so.
  const pid_t writer = ::fork();
  if (writer == 0) {
    std::ofstream(grants / "file.new") << "text";
    fs::rename(grants / "file.new", grants / "file");
    (void)!::write(to_write.get(), "x", 1);
    ::_exit(0);
  }
  const posix::ChildProcess child(writer, {});
  EXPECT_EQ(inside(full_, waits), 0);
}

TEST_F(Ladder, TheScratchFolderIsInMemoryAndBounded) {
  full_.scratch = {.folder = scratch(), .bytes = 1 << 20};
  for (const bool sees_all : {false, true}) {
    if (sees_all) full_.files.readable = {"/"};
    EXPECT_EQ(inside(full_, [&] { return read_file(scratch_file()); }), ENOENT);
    EXPECT_EQ(inside(full_, [&] { return fill(scratch() + "/new", 512 << 10); }), 0);
    EXPECT_EQ(inside(full_,
                     [&] {
                       if (const int failed = fill(scratch() + "/one", 768 << 10)) return failed + 1000;
                       return fill(scratch() + "/two", 768 << 10);
                     }),
              ENOSPC);
  }
  EXPECT_FALSE(fs::exists(scratch() + "/new"));
  EXPECT_TRUE(fs::exists(scratch_file()));
}

TEST_F(Ladder, SharedMemoryIsItsOwnUnlessItsUserSaysOtherwise) {
  const std::string name = "/dev/shm/hubcell-test-" + std::to_string(::getpid());
  const posix::UniqueFd theirs(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!theirs) GTEST_SKIP() << "this machine has no /dev/shm";
  full_.scratch = {.folder = scratch(), .bytes = 1 << 20};
  EXPECT_EQ(inside(full_, [&] { return is_there(name); }), ENOENT);
  EXPECT_EQ(inside(full_, [&] { return fill("/dev/shm/new", 512 << 10); }), 0);
  EXPECT_EQ(inside(full_,
                   [&] {
                     if (const int failed = fill(scratch() + "/new", 768 << 10)) return failed + 1000;
                     return fill("/dev/shm/new", 768 << 10);
                   }),
            ENOSPC);
  EXPECT_EQ(inside(full_, [&] { return is_there(scratch() + "/.shm"); }), 0);
  full_.files.readable = {name};
  EXPECT_EQ(inside(full_, [&] { return read_file(name); }), 0);
  EXPECT_EQ(inside(full_, [&] { return fill("/dev/shm/new", 1); }), EROFS);
  ::unlink(name.c_str());
}

TEST_F(Ladder, ManyEmptyFilesFillTheScratchFolderToo) {
  full_.scratch = {.folder = scratch(), .bytes = 1 << 20};
  const auto make_files = [&] {
    for (int i = 0; i < 1000; ++i) {
      const posix::UniqueFd file(::creat((scratch() + "/" + std::to_string(i)).c_str(), 0600));
      if (!file) return errno;
    }
    return 0;
  };
  EXPECT_EQ(inside(full_, make_files), ENOSPC);
}

TEST_F(Ladder, TheWholeTreeIsSeenWhereItsUserSaysSo) {
  full_.files.readable = {"/"};
  EXPECT_EQ(inside(full_, [] { return read_file("/etc/passwd"); }), 0);
  EXPECT_EQ(inside(full_, [&] { return errno_of(::open(outside_file().c_str(), O_WRONLY)); }), EACCES);
}

TEST_F(Ladder, AUserNamespaceBoundsItsThreads) {
  const auto limit = [] {
    rlimit threads{};
    ::getrlimit(RLIMIT_NPROC, &threads);
    return threads.rlim_cur <= 1024 && threads.rlim_max <= 1024 ? 0 : 1;
  };
  EXPECT_EQ(inside(full_, limit), 0);
}

}  // namespace
}  // namespace hubcell::sandbox

#include "shared/posix/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/attempt.h"

namespace hubcell::posix {
namespace {

using tests::attempt_in_child;
using tests::errno_of;

// A folder with a file in it, and an empty folder beside it.
class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
    folder_ = (std::filesystem::temp_directory_path() / "hubcell-landlock-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directory(folder_ + "/other");
    std::ofstream(folder_ + "/file") << "text";
  }
  void TearDown() override {
    if (landlock_abi() != 0) std::filesystem::remove_all(folder_);
  }

  template <typename Attempt>
  static int under(const LandlockPolicy& policy, Attempt attempt) {
    return attempt_in_child([&] { enter_landlock(make_landlock_ruleset(policy).get()); }, attempt);
  }
  static LandlockPolicy readable(const std::string& path) {
    return {.readable = {path}, .executable = {}, .writable = {}};
  }
  static LandlockPolicy writable(const std::string& path) {
    return {.readable = {}, .executable = {}, .writable = {path}};
  }
  int open_file(int flags) const { return errno_of(::open((folder_ + "/file").c_str(), flags | O_CLOEXEC)); }

  std::string folder_;
};

TEST_F(Landlock, WhatIsNotNamedIsClosed) {
  const auto attempt = [&] { return open_file(O_RDONLY); };
  EXPECT_EQ(attempt_in_child(attempt), 0);
  EXPECT_EQ(under({}, attempt), EACCES);
  EXPECT_EQ(under(readable(folder_ + "/other"), attempt), EACCES);
}

TEST_F(Landlock, AReadableFolderIsReadAndListedAndNothingElse) {
  const LandlockPolicy policy = readable(folder_);
  EXPECT_EQ(under(policy, [&] { return open_file(O_RDONLY); }), 0);
  EXPECT_EQ(under(policy, [&] { return errno_of(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY)); }), 0);
  EXPECT_EQ(under(policy, [&] { return open_file(O_WRONLY); }), EACCES);
  EXPECT_EQ(under(policy, [&] { return errno_of(::unlink((folder_ + "/file").c_str())); }), EACCES);
  EXPECT_EQ(under(policy, [&] { return errno_of(::mkdir((folder_ + "/new").c_str(), 0700)); }), EACCES);
}

TEST_F(Landlock, ARuleMayNameAFile) {
  const LandlockPolicy policy = readable(folder_ + "/file");
  EXPECT_EQ(under(policy, [&] { return open_file(O_RDONLY); }), 0);
  EXPECT_EQ(under(policy, [&] { return open_file(O_WRONLY); }), EACCES);
  EXPECT_EQ(under(policy, [&] { return errno_of(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY)); }), EACCES);
}

TEST_F(Landlock, ADeviceIsWritableLikeAFile) {
  const auto attempt = [] { return errno_of(::open("/dev/null", O_RDWR | O_TRUNC)); };
  EXPECT_EQ(under({}, attempt), EACCES);
  EXPECT_EQ(under(writable("/dev/null"), attempt), 0);
}

TEST_F(Landlock, BelowAWritableFolderFilesComeMoveAndGo) {
  EXPECT_EQ(
      under(writable(folder_),
            [&] {
              const std::string made = folder_ + "/made";
              const std::string moved = folder_ + "/moved";
              if (::mkdir(made.c_str(), 0700) != 0 || ::symlink("x", (made + "/link").c_str()) != 0)
                return errno;
              if (::creat((made + "/file").c_str(), 0600) < 0 ||
                  ::truncate((made + "/file").c_str(), 9) != 0) {
                return errno;
              }
              if (::rename(made.c_str(), moved.c_str()) != 0 || ::unlink((moved + "/file").c_str()) != 0)
                return errno;
              return errno_of(::unlink((moved + "/link").c_str()) + ::rmdir(moved.c_str()));
            }),
      0);
}

TEST_F(Landlock, NothingMovesOutOfAWritableFolder) {
  const auto attempt = [&] {
    return errno_of(::rename((folder_ + "/other").c_str(), (folder_ + "-moved").c_str()));
  };
  EXPECT_EQ(under(writable(folder_), attempt), EACCES);
  EXPECT_EQ(attempt_in_child(attempt), 0);
  std::filesystem::remove(folder_ + "-moved");
}

TEST_F(Landlock, AWritableFolderTakesNoDeviceNodes) {
  const auto attempt = [&] {
    return errno_of(::mknod((folder_ + "/other/null").c_str(), S_IFCHR | 0600, makedev(1, 3)));
  };
  if (attempt_in_child(attempt) != 0)
    GTEST_SKIP() << "making device nodes needs rights that this user has not";
  std::filesystem::remove(folder_ + "/other/null");
  EXPECT_EQ(under(writable(folder_), attempt), EACCES);
}

TEST_F(Landlock, ProgramsRunFromExecutableFoldersOnly) {
  const auto attempt = [] {
    ::execl("/bin/sh", "sh", "-c", "exit 0", static_cast<char*>(nullptr));
    return errno;
  };
  EXPECT_EQ(attempt_in_child(attempt), 0);
  EXPECT_EQ(under(readable("/"), attempt), EACCES);
  EXPECT_EQ(under(writable("/"), attempt), EACCES);
  EXPECT_EQ(under({.readable = {}, .executable = {"/"}, .writable = {}}, attempt), 0);
}

TEST_F(Landlock, APathThatDoesNotExistIsLeftOut) {
  const LandlockPolicy policy{.readable = {"/nowhere", folder_ + "/file/below", folder_},
                              .executable = {"/nowhere"},
                              .writable = {"/nowhere"}};
  EXPECT_EQ(under(policy, [&] { return open_file(O_RDONLY); }), 0);
}

TEST_F(Landlock, TcpIsDeniedWhereThePolicySaysSo) {
  if (landlock_abi() < 4) GTEST_SKIP() << "this kernel's Landlock knows no TCP (it came with Linux 6.7)";
  const auto attempt = [] {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
    return errno_of(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
  };
  EXPECT_EQ(under({}, attempt), 0);
  EXPECT_EQ(under({.readable = {}, .executable = {}, .writable = {}, .deny_tcp = true}, attempt), EACCES);
}

TEST_F(Landlock, SignalsAndAbstractSocketsStayInsideWhereThePolicySaysSo) {
  if (landlock_abi() < 6)
    GTEST_SKIP() << "this kernel's Landlock knows no scopes (they came with Linux 6.12)";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "hubcell-landlock-%d", ::getpid());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), generic, sizeof(address)), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  const auto signal = [] { return errno_of(::kill(::getppid(), 0)); };
  const auto connect = [&] {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    return errno_of(::connect(socket.get(), generic, sizeof(address)));
  };
  const LandlockPolicy scoped{
      .readable = {}, .executable = {}, .writable = {}, .deny_tcp = false, .scope_ipc = true};
  EXPECT_EQ(under({}, signal), 0);
  EXPECT_EQ(under({}, connect), 0);
  EXPECT_EQ(under(scoped, signal), EPERM);
  EXPECT_EQ(under(scoped, connect), EPERM);
}

}  // namespace
}  // namespace hubcell::posix

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>

#include <hubcell/error.h>

#include "shared/posix/memory.h"
#include "shared/posix/message_socket.h"
#include "shared/posix/process.h"
#include "tests/support/attempt.h"

namespace hubcell::posix {
namespace {

std::vector<std::byte> bytes_of(const char* text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text);
  return {begin, begin + std::strlen(text)};
}

TEST(MessageSocket, KeepsBordersAndCarriesDescriptors) {
  auto [left, right] = make_message_socket_pair();
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const UniqueFd read_end(pipe_ends[0]);
  UniqueFd write_end(pipe_ends[1]);
  ASSERT_TRUE(send_message(left.get(), bytes_of("one"), std::array{write_end.get()}));
  ASSERT_TRUE(send_message(left.get(), bytes_of("two"), {}));
  write_end.reset();
  auto first = receive_message(right.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes, bytes_of("one"));
  ASSERT_EQ(first->descriptors.size(), 1U);
  EXPECT_EQ(::write(first->descriptors[0].get(), "x", 1), 1);
  char seen = 0;
  EXPECT_EQ(::read(read_end.get(), &seen, 1), 1);
  EXPECT_EQ(receive_message(right.get())->bytes, bytes_of("two"));
  EXPECT_FALSE(receive_message(right.get()).has_value());
}

TEST(MessageSocket, AMessageAboveTheBoundIsRefusedOnBothSides) {
  auto [left, right] = make_message_socket_pair();
  const std::vector<std::byte> large(kMessageBytesMax + 1);
  EXPECT_THROW(send_message(left.get(), large, {}), Error);
  ASSERT_EQ(::send(left.get(), large.data(), large.size(), 0), static_cast<ssize_t>(large.size()));
  EXPECT_THROW(receive_message(right.get()), Error);
}

TEST(MessageSocket, AReaderThatDoesNotReadCostsTheDeadlineOnly) {
  auto [left, right] = make_message_socket_pair();
  const std::vector<std::byte> message(kMessageBytesMax);
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i)
          send_message(left.get(), message, {}, std::chrono::milliseconds(20));
      },
      Error);
}

TEST(MessageSocket, AClosedPeerIsNoSignal) {
  auto [left, right] = make_message_socket_pair();
  right.reset();
  EXPECT_FALSE(send_message(left.get(), bytes_of("x"), {}));
}

TEST(Memory, AMemfdKeepsItsSizeAndTakesNoFurtherSeals) {
  const UniqueFd fd = make_sealed_memfd("test", 8192);
  EXPECT_EQ(file_bytes(fd.get()), 8192U);
  EXPECT_NE(::ftruncate(fd.get(), 4096), 0);
  EXPECT_NE(::ftruncate(fd.get(), 16384), 0);
  EXPECT_NE(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(Memory, MappingsOfOneMemfdShareTheirBytesAndHolesGivePagesBack) {
  const UniqueFd fd = make_sealed_memfd("test", 1 << 20);
  const Mapping left = Mapping::of(fd.get(), 1 << 20);
  const Mapping right = Mapping::of(fd.get(), 1 << 20);
  std::memset(left.data(), 7, 1 << 20);
  EXPECT_EQ(right.data()[5000], std::byte{7});
  struct stat before {};
  ASSERT_EQ(::fstat(fd.get(), &before), 0);
  punch_hole(fd.get(), 4096, (1 << 20) - 4096);
  struct stat after {};
  ASSERT_EQ(::fstat(fd.get(), &after), 0);
  EXPECT_LT(after.st_blocks, before.st_blocks);
  EXPECT_EQ(right.data()[5000], std::byte{0});
  EXPECT_EQ(right.data()[100], std::byte{7});
}

SpawnOptions shell(const std::string& script) {
  return {.program = "/bin/sh",
          .arguments = {"-c", script},
          .environment = {"MARK=here"},
          .directory = "/",
          .descriptors = {},
          .die_with_parent = true};
}

TEST(Process, ExitCodesAndSignalsAreToldApart) {
  ChildProcess exits = spawn(shell("exit 3"));
  const ExitStatus exited = exits.wait();
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_EQ(describe(exited), "exited with code 3");
  ChildProcess dies = spawn(shell("kill -SEGV $$"));
  const ExitStatus died = dies.wait();
  EXPECT_EQ(died.signal, SIGSEGV);
  EXPECT_EQ(describe(died), "was killed by SIGSEGV (Segmentation fault)");
}

TEST(Process, OnlyTheNamedDescriptorsAndVariablesArrive) {
  auto [ours, theirs] = make_message_socket_pair();
  const UniqueFd leaked(::open("/dev/null", O_RDONLY));
  SpawnOptions options =
      shell("[ -z \"$HOME\" ] && [ \"$MARK\" = here ] && [ -e /proc/$$/fd/3 ] && [ ! -e /proc/$$/fd/" +
            std::to_string(leaked.get()) + " ]");
  options.descriptors = {theirs.get()};
  ChildProcess child = spawn(options);
  EXPECT_EQ(child.wait().exit_code, 0);
}

TEST(Process, AProgramThatClosedItsStandardDescriptorsHasChildrenThatHaveThem) {
  const int exit_code = tests::attempt_in_child([] {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      ::close(descriptor);
    SpawnOptions options =
        shell("[ -e /proc/$$/fd/0 ] && [ -e /proc/$$/fd/1 ] && [ -e /proc/$$/fd/2 ] && ! echo refused");
    options.standard_output = STDOUT_FILENO;
    return spawn(options).wait().exit_code;
  });
  EXPECT_EQ(exit_code, 0);
}

TEST(Process, AProgramThatCannotBeStartedIsAnError) {
  try {
    spawn({.program = "/nowhere/program",
           .arguments = {},
           .environment = {},
           .directory = {},
           .descriptors = {}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "start /nowhere/program: No such file or directory");
  }
}

TEST(Process, AChildThatEndedBeforeItCouldBeFollowedHasEnded) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGCHLD, &ignore, &before);
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(3);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (::kill(pid, 0) == 0 && std::chrono::steady_clock::now() < deadline)
    ::usleep(1000);
  ASSERT_NE(::kill(pid, 0), 0) << "nobody reaped it";
  ChildProcess child = ChildProcess::adopt(pid);
  EXPECT_TRUE(has_ended(child.pidfd()));
  EXPECT_FALSE(send_signal(child.pidfd(), SIGTERM));
  child.kill(SIGKILL);
  child.wait();
  EXPECT_FALSE(child);
  ::sigaction(SIGCHLD, &before, nullptr);
}

TEST(Process, ThePidfdTellsOfTheEnd) {
  ChildProcess child = spawn(shell("exec sleep 100"));
  EXPECT_FALSE(has_ended(child.pidfd()));
  EXPECT_TRUE(send_signal(child.pidfd(), SIGKILL));
  EXPECT_TRUE(wait_readable(child.pidfd(), std::chrono::seconds(10)));
  EXPECT_EQ(child.wait().signal, SIGKILL);
}

}  // namespace
}  // namespace hubcell::posix

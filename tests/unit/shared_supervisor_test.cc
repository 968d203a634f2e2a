// The parts of a supervisor that programs share: its socket, its log, what it sees of calls, peers that do not read.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include <hubcell/error.h>

#include "shared/channel/call_watch.h"
#include "shared/channel/client_channel.h"
#include "shared/channel/worker_channel.h"
#include "shared/posix/local_socket.h"
#include "shared/posix/message_socket.h"
#include "shared/posix/process.h"
#include "shared/posix/process_use.h"
#include "supervisor/control/log_book.h"
#include "supervisor/process/loop.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

TEST(LocalSocket, OneListensAndKnowsWhoComes) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() / "socket";
  EXPECT_FALSE(posix::connect_local(path));
  posix::UniqueFd listener = posix::listen_local(path);
  EXPECT_FALSE(posix::accept_local(listener.get()));
  const auto client = posix::connect_local(path);
  ASSERT_TRUE(client);
  const auto server = posix::accept_local(listener.get());
  ASSERT_TRUE(server);
  for (const int end : {client->get(), server->get()}) {
    EXPECT_EQ(posix::peer_of(end).pid, ::getpid());
    EXPECT_EQ(posix::peer_of(end).uid, ::geteuid());
  }
  EXPECT_THROW(posix::listen_local(path), Error);
  listener.reset();
  EXPECT_FALSE(posix::connect_local(path)) << "nobody listens any more";
  EXPECT_TRUE(posix::listen_local(path)) << "a socket that was left behind is in nobody's way";
}

TEST(LocalSocket, WhatIsNoSocketStays) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() / "file";
  std::ofstream(path) << "mine";
  EXPECT_THROW(posix::listen_local(path), Error);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_THROW(posix::listen_local(folder.path() / std::string(200, 'x')), Error);
}

TEST(LogBook, KeepsTheLastLinesWithinItsBound) {
  control::LogBook book;
  std::uint64_t number = 0;
  EXPECT_EQ(book.find(number), nullptr);
  book.note(wire::LogKind::Info, "acme/net@main", "first");
  ASSERT_NE(book.find(number), nullptr);
  EXPECT_EQ(book.find(number)->text, "first");
  EXPECT_EQ(book.find(number)->worker, "acme/net@main");
  for (int i = 0; i < 10'000; ++i)
    book.note(wire::LogKind::Printed, "", std::string(1000, 'x') + std::to_string(i));
  ASSERT_NE(book.find(number), nullptr);
  EXPECT_GT(number, 8000U) << "what is gone is passed over";
  EXPECT_LT(number, 9500U);
  number = 10'000;
  EXPECT_TRUE(book.find(number)->text.ends_with("x9999"));
  EXPECT_EQ(book.find(++number), nullptr);
}

TEST(LogBook, CutsALineThatIsTooLong) {
  control::LogBook book;
  book.note(wire::LogKind::Warn, std::string(1 << 20, 'w'), std::string(1 << 20, 't'));
  std::uint64_t number = 0;
  EXPECT_EQ(book.find(number)->text.size(), wire::kOutputLineBytesMax);
  EXPECT_EQ(book.find(number)->worker.size(), wire::kOutputLineBytesMax);
}

TEST(CallWatch, SeesCallsUnderWay) {
  posix::UniqueFd memory = posix::make_sealed_memfd("channel", channel::channel_bytes(1 << 20));
  const channel::CallWatch watch(memory.get());
  auto [ours, theirs] = posix::make_message_socket_pair();
  auto client = std::make_shared<channel::ClientChannel>(posix::UniqueFd(::dup(memory.get())),
                                                         posix::open_pidfd(::getpid()));
  channel::WorkerChannel worker(std::move(memory), theirs.get());
  EXPECT_EQ(watch.calls(), 0U);
  const std::uint64_t before = watch.last_sequence();
  const std::byte request{1};
  const auto ticket = client->begin({&request, 1});
  ASSERT_TRUE(ticket);
  EXPECT_EQ(watch.calls(), 1U) << "it waits";
  EXPECT_GT(watch.last_sequence(), before);
  const auto taken = worker.next();
  ASSERT_TRUE(taken);
  EXPECT_EQ(watch.calls(), 1U) << "it runs";
  worker.answer(*taken, {&request, 1});
  EXPECT_EQ(watch.calls(), 0U) << "it is answered";
  client->take_response(*ticket);
  EXPECT_EQ(watch.calls(), 0U);
}

TEST(ProcessUse, TellsOfThisProcess) {
  const auto before = posix::processor_time_of(::getpid());
  volatile std::uint64_t sum = 0;
  while (posix::processor_time_of(::getpid()) - before < std::chrono::milliseconds(50))
    sum = sum + 1;
  EXPECT_GT(posix::use_of(::getpid()).private_bytes, 0U);
  EXPECT_FALSE(posix::name_of(::getpid()).empty());
  constexpr pid_t kNone = 1 << 30;
  EXPECT_EQ(posix::use_of(kNone).private_bytes, 0U);
  EXPECT_EQ(posix::processor_time_of(kNone).count(), 0);
  EXPECT_EQ(posix::name_of(kNone), "");
}

// A FrameSocket whose peer reads when the test says so.
class Peer : public testing::Test {
 protected:
  Peer() {
    auto [ours, theirs] = posix::make_message_socket_pair();
    socket_.emplace(loop_, std::move(ours));
    peer_ = std::move(theirs);
  }
  void run() {
    loop_.restart();
    loop_.run_for(std::chrono::milliseconds(20));
  }
  static wire::LogLine line(int number) {
    return {.time_ms = number, .kind = wire::LogKind::Info, .worker = "", .text = std::string(10'000, 'x')};
  }

  process::asio::io_context loop_{1};
  std::optional<process::FrameSocket> socket_;
  posix::UniqueFd peer_;
};

TEST_F(Peer, ThatReadsLateGetsEverythingInOrderWithItsDescriptors) {
  auto [read_end, write_end] = posix::make_pipe();
  const std::array descriptors{write_end.get()};
  for (int i = 0; i < 500; ++i)
    EXPECT_TRUE(
        socket_->send(1, line(i), i == 499 ? std::span<const int>(descriptors) : std::span<const int>()));
  write_end.reset();
  EXPECT_FALSE(socket_->offer(1, line(500))) << "what nobody has to read does not overtake";
  int seen = 0;
  for (int tries = 0; seen < 500 && tries < 500; ++tries) {
    run();
    while (auto message = posix::receive_message(peer_.get())) {
      const wire::Frame frame(std::move(*message));
      EXPECT_EQ(frame.as<wire::LogLine>().time_ms, seen);
      EXPECT_EQ(frame.has_descriptors(), seen == 499);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 500);
}

TEST_F(Peer, ThatNeverReadsIsTakenForGone) {
  int sent = 0;
  while (sent < 10'000 && socket_->send(1, line(sent)))
    ++sent;
  EXPECT_GT(sent, 1500) << "16 MiB are kept";
  EXPECT_LT(sent, 2000);
  EXPECT_FALSE(socket_->send(1, line(sent)));
  EXPECT_FALSE(socket_->offer(1, line(sent)));
}

TEST_F(Peer, ThatLeavesEndsTheWaitToSend) {
  for (int i = 0; i < 500; ++i)
    EXPECT_TRUE(socket_->send(1, line(i)));
  peer_.reset();
  run();
  EXPECT_FALSE(socket_->send(1, line(500)));
}

}  // namespace
}  // namespace hubcell

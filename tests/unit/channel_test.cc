#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>

#include <hubcell/error.h>

#include "shared/channel/client_channel.h"
#include "shared/channel/worker_channel.h"
#include "shared/posix/memory.h"
#include "shared/posix/message_socket.h"
#include "shared/posix/process.h"

namespace hubcell::channel {
namespace {

constexpr std::uint64_t kAreaBytes = 1 << 20;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Both ends of a channel in this process; `self` stands for the worker's pidfd.
class ChannelTest : public testing::Test {
 protected:
  explicit ChannelTest(std::uint64_t area_bytes = kAreaBytes) {
    posix::UniqueFd memory = posix::make_sealed_memfd("channel", channel_bytes(area_bytes));
    raw_.emplace(posix::Mapping::of(memory.get(), channel_bytes(area_bytes)));
    auto [control, control_worker] = posix::make_message_socket_pair();
    control_ = std::move(control);
    control_worker_ = std::move(control_worker);
    child_ = posix::spawn({.program = "/bin/sleep",
                           .arguments = {"1000"},
                           .environment = {},
                           .directory = {},
                           .descriptors = {},
                           .die_with_parent = true});
    client_ = std::make_shared<ClientChannel>(posix::UniqueFd(::dup(memory.get())),
                                              posix::open_pidfd(child_.pid()));
    worker_ = std::make_unique<WorkerChannel>(std::move(memory), control_worker_.get());
  }
  ~ChannelTest() override {
    control_.reset();
    futex_wake(View(raw_->data()).header->worker_sleeps);
    if (serving_.joinable()) serving_.join();
  }

  // A worker that answers each request with its own text and "!".
  void serve_echo() {
    serving_ = std::thread([this] {
      while (!worker_->is_closed()) {
        const auto request = worker_->next();
        worker_->take_released();
        if (request) worker_->answer(*request, bytes_of(text_of(request->frame) + "!"));
      }
    });
  }

  std::string call(const std::string& text) {
    const Ticket ticket = *client_->begin(bytes_of(text));
    EXPECT_EQ(client_->wait(ticket, std::nullopt), WaitOutcome::Answered);
    return text_of(client_->take_response(ticket));
  }

  // Where the worker's next block would lie.
  std::uint64_t lendable_offset() {
    const MappedBlock probe = worker_->allocate_answer(256);
    return static_cast<std::uint64_t>(static_cast<std::byte*>(probe.owner.get()) - worker_base());
  }
  std::byte* worker_base() {
    const Block block{.segment = 0, .offset = kAreasOffset, .bytes = 1};
    return worker_->map_argument(block).data - kAreasOffset;
  }

  Slot& raw_slot(unsigned index) { return View(raw_->data()).slots[index]; }

  void expect_refused_answer(std::uint64_t offset, std::uint64_t bytes) {
    const Ticket ticket = *client_->begin(bytes_of("x"));
    Slot& slot = raw_slot(ticket.slot);
    slot.response_offset = offset;
    slot.response_bytes = bytes;
    slot.state = static_cast<std::uint32_t>(SlotState::Answered);
    EXPECT_EQ(client_->wait(ticket, std::nullopt), WaitOutcome::Answered);
    EXPECT_THROW(client_->take_response(ticket), Error);
  }

  std::optional<posix::Mapping> raw_;
  posix::UniqueFd control_;
  posix::UniqueFd control_worker_;
  posix::ChildProcess child_;
  std::shared_ptr<ClientChannel> client_;
  std::unique_ptr<WorkerChannel> worker_;
  std::thread serving_;
};

TEST_F(ChannelTest, ManyCallsAreAnswered) {
  serve_echo();
  for (int i = 0; i < 2000; ++i)
    EXPECT_EQ(call("call " + std::to_string(i)), "call " + std::to_string(i) + "!");
}

// The echo adds a character: of the last text that fits the answer does not.
TEST_F(ChannelTest, FramesThatFillTheirRoomAndLargerOnesArrive) {
  serve_echo();
  for (const std::size_t bytes :
       {kFrameRoom - 1, kFrameRoom, kFrameRoom + 1, 3 * kFrameRoom, std::size_t{8}}) {
    const std::string text(bytes, 'x');
    EXPECT_EQ(call(text), text + "!");
  }
}

TEST_F(ChannelTest, CallsAfterAPauseWakeASleepingWorker) {
  serve_echo();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(call("x"), "x!");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(ChannelTest, ManyThreadsGetTheirOwnAnswers) {
  serve_echo();
  std::vector<std::thread> callers;
  for (int thread = 0; thread < 8; ++thread) {
    callers.emplace_back([this, thread] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = std::to_string(thread) + "/" + std::to_string(i);
        EXPECT_EQ(call(text), text + "!");
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
}

TEST_F(ChannelTest, RequestsAreServedInTheirOrder) {
  const auto serve = [this] {
    const auto request = worker_->next();
    const std::string text = text_of(request->frame);
    worker_->answer(*request, bytes_of("ok"));
    return text;
  };
  const Ticket first = *client_->begin(bytes_of("0"));
  client_->begin(bytes_of("1"));
  EXPECT_EQ(serve(), "0");
  client_->take_response(first);
  // The slot of the first is free again, and lies before that of the second.
  EXPECT_EQ(client_->begin(bytes_of("2"))->slot, first.slot);
  EXPECT_EQ(serve(), "1");
  EXPECT_EQ(serve(), "2");
}

TEST_F(ChannelTest, TheSixtyFifthCallIsRefused) {
  for (int i = 0; i < 64; ++i)
    client_->begin(bytes_of("x"));
  EXPECT_FALSE(client_->begin(bytes_of("x")).has_value());
}

TEST_F(ChannelTest, ADeadlinePassesAndTheSlotIsFreedByTheLateAnswer) {
  const Ticket ticket = *client_->begin(bytes_of("slow"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  EXPECT_EQ(client_->wait(ticket, deadline), WaitOutcome::DeadlineExceeded);
  client_->cancel(ticket);
  const auto request = worker_->next();
  ASSERT_TRUE(request);
  EXPECT_TRUE(worker_->is_cancelled(*request));
  worker_->answer(*request, bytes_of("late"));
  EXPECT_TRUE(client_->is_answered(ticket));
  client_->take_response(ticket);
}

TEST_F(ChannelTest, TheEndOfTheWorkerEndsEveryWait) {
  const Ticket first = *client_->begin(bytes_of("a"));
  const Ticket second = *client_->begin(bytes_of("b"));
  child_.kill(SIGKILL);
  EXPECT_EQ(client_->wait(first, std::nullopt), WaitOutcome::WorkerEnded);
  EXPECT_EQ(client_->wait(second, std::nullopt), WaitOutcome::WorkerEnded);
}

TEST_F(ChannelTest, AnAnswerOutsideOfTheWorkersAreaIsAProtocolViolation) {
  const std::uint64_t worker_area = kAreasOffset + kAreaBytes;
  const std::pair<std::uint64_t, std::uint64_t> lies[] = {{0, 16},
                                                          {worker_area - 1, 16},
                                                          {worker_area + kAreaBytes - 8, 16},
                                                          {worker_area, kAreaBytes * 4},
                                                          {~std::uint64_t{0} - 4, 16},
                                                          {request_room(0), 16},
                                                          {response_room(0) + 1, 16},
                                                          {response_room(0), kFrameRoom + 1},
                                                          {response_room(1), 16}};
  for (const auto& [offset, bytes] : lies)
    expect_refused_answer(offset, bytes);
}

// What a small memory budget makes.
class SmallChannelTest : public ChannelTest {
 protected:
  static constexpr std::uint64_t kSmallAreaBytes = 4096;
  SmallChannelTest() : ChannelTest(kSmallAreaBytes) {}
};

TEST_F(SmallChannelTest, AnAnswerLargerThanTheAreaIsAProtocolViolation) {
  expect_refused_answer(kAreasOffset + kSmallAreaBytes, kSmallAreaBytes + 1);
  expect_refused_answer(kAreasOffset + kSmallAreaBytes, wire::kFrameBytesMax);
}

TEST_F(ChannelTest, BlocksThatAreNotTheWorkersAreRefused) {
  const std::uint64_t begin = kAreasOffset + kAreaBytes;
  for (const Block lie :
       {Block{0, kAreasOffset, 8}, Block{1, begin, 8}, Block{0, begin, kAreaBytes + 1}, Block{0, begin, 0},
        Block{0, begin + kAreaBytes, 8}, Block{0, begin + 1, 8}, Block{0, ~std::uint64_t{63}, 128}}) {
    EXPECT_THROW(client_->map_answer(lie), Error);
  }
  const std::uint64_t never_given[] = {kAreasOffset};
  EXPECT_THROW(client_->free_arguments(never_given), Error);
}

TEST_F(ChannelTest, ArgumentsAreSharedAndReleasedWithTheirLastUser) {
  const Tensor tensor = Tensor::of<float>(DType::Float32, {3}, {1, 2, 3});
  const auto [block, data] = client_->allocate_argument(tensor.bytes());
  std::memcpy(data, tensor.data(), tensor.bytes());
  MappedBlock mapped = worker_->map_argument(block);
  EXPECT_EQ(std::memcmp(mapped.data, tensor.data(), tensor.bytes()), 0);
  EXPECT_TRUE(worker_->take_released_arguments().empty());
  mapped.owner.reset();
  const auto released = worker_->take_released_arguments();
  ASSERT_EQ(released.size(), 1U);
  client_->free_arguments(released);
  EXPECT_THROW(client_->free_arguments(released), Error) << "released twice";
}

TEST_F(ChannelTest, ReservedMemoryIsFoundByTheTensorsInIt) {
  const MappedBlock memory = client_->reserve(256);
  const auto find = [&](DType dtype, std::size_t begin, std::int64_t count) {
    return client_->find_reserved(Tensor(dtype, {count}, nullptr, memory.data + begin));
  };
  ASSERT_TRUE(find(DType::Float32, 16, 60));
  EXPECT_EQ(find(DType::Float32, 16, 60)->data, memory.data);
  EXPECT_EQ(find(DType::Float32, 16, 60)->block.bytes, 256);
  EXPECT_FALSE(find(DType::Float32, 16, 61)) << "it ends beyond the block";
  EXPECT_FALSE(find(DType::Float32, 17, 1)) << "it is not aligned";
  EXPECT_FALSE(find(DType::Float32, 16, 0)) << "it has no elements";
  EXPECT_FALSE(client_->find_reserved(Tensor::zeros(DType::Float32, {4}))) << "it lies elsewhere";
  const AllocatedBlock argument = client_->allocate_argument(64);
  EXPECT_FALSE(client_->find_reserved(Tensor(DType::UInt8, {64}, nullptr, argument.data)))
      << "it is no reserved one";
}

TEST_F(ChannelTest, ReservedMemoryIsFreedWithItsLastUserOnEitherSide) {
  MappedBlock memory = client_->reserve(256);
  const std::uint64_t offset =
      client_->find_reserved(Tensor(DType::UInt8, {1}, nullptr, memory.data))->block.offset;
  const std::uint64_t released[] = {offset};
  client_->lend_reserved(offset);
  client_->lend_reserved(offset);
  client_->free_arguments(released);
  memory = {};
  EXPECT_NE(client_->allocate_argument(256).block.offset, offset) << "the worker still looks at it";
  client_->free_arguments(released);
  EXPECT_THROW(client_->free_arguments(released), Error) << "released more often than lent";
  EXPECT_EQ(client_->allocate_argument(256).block.offset, offset);

  memory = client_->reserve(256);
  const std::uint64_t own =
      client_->find_reserved(Tensor(DType::UInt8, {1}, nullptr, memory.data))->block.offset;
  const std::uint64_t never_lent[] = {own};
  EXPECT_THROW(client_->free_arguments(never_lent), Error);
}

TEST_F(ChannelTest, AnswersAreLeasedUntilTheCallerDropsThem) {
  MappedBlock made = worker_->allocate_answer(256);
  made.data[0] = std::byte{9};
  const Block block = worker_->lend(made.owner);
  MappedBlock mapped = client_->map_answer(block);
  EXPECT_EQ(mapped.data[0], std::byte{9});
  made.owner.reset();
  EXPECT_TRUE(worker_->take_released().handles.empty());
  EXPECT_NE(lendable_offset(), block.offset) << "the caller still looks at it";
  mapped.owner.reset();
  EXPECT_TRUE(worker_->take_released().handles.empty());
  EXPECT_EQ(lendable_offset(), block.offset);
  worker_->free_answers(std::array{block.offset});  // a second time means nothing
}

TEST_F(ChannelTest, AnAnswerThatTheWorkerStillLooksAtIsNotFreedByItsCaller) {
  MappedBlock made = worker_->allocate_answer(256);
  const Block block = worker_->lend(made.owner);
  client_->map_answer(block).owner.reset();
  worker_->take_released();
  EXPECT_NE(lendable_offset(), block.offset);
}

TEST_F(ChannelTest, ADroppedHandleReachesAWorkerThatSleepsAndIsCalledNoMore) {
  client_->release_handle(7);
  std::vector<std::uint64_t> taken;
  std::thread serving([&] {
    while (taken.size() < 2) {
      EXPECT_FALSE(worker_->next().has_value());
      for (const std::uint64_t id : worker_->take_released().handles)
        taken.push_back(id);
    }
  });
  while (View(raw_->data()).header->worker_sleeps.load() == 0)
    std::this_thread::yield();
  client_->release_handle(8);
  serving.join();
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{7, 8}));
}

TEST_F(ChannelTest, AMappedSegmentIsToldByItsNumber) {
  client_->release_segment(5);
  client_->release_handle(5);
  const WorkerChannel::Released released = worker_->take_released();
  EXPECT_EQ(released.segments, std::vector<std::uint32_t>{5});
  EXPECT_EQ(released.handles, std::vector<std::uint64_t>{5});
}

TEST_F(ChannelTest, AHandleIsNotReleasedBeforeTheCallsThatMayNameIt) {
  ASSERT_TRUE(client_->begin(bytes_of("names 7")));
  client_->release_handle(7);
  ASSERT_TRUE(client_->begin(bytes_of("names 8")));
  client_->release_handle(8);
  EXPECT_TRUE(worker_->take_released().handles.empty()) << "both wait";
  const auto first = worker_->next();
  EXPECT_TRUE(worker_->take_released().handles.empty()) << "the first is served";
  worker_->answer(*first, bytes_of("done"));
  const auto second = worker_->next();
  EXPECT_EQ(worker_->take_released().handles, std::vector<std::uint64_t>{7});
  worker_->answer(*second, bytes_of("done"));
  EXPECT_EQ(worker_->take_released().handles, std::vector<std::uint64_t>{8});
}

TEST_F(ChannelTest, MoreDropsThanTheRingHoldsAreToldWithTheNextCall) {
  constexpr std::uint64_t kExtra = 10;
  for (std::uint64_t id = 1; id <= kReleaseCount + kExtra; ++id)
    client_->release_handle(id);
  EXPECT_EQ(worker_->take_released().handles.size(), kReleaseCount);
  EXPECT_TRUE(worker_->take_released().handles.empty());
  ASSERT_TRUE(client_->begin(bytes_of("x")));
  ASSERT_TRUE(worker_->next());
  EXPECT_EQ(worker_->take_released().handles.size(), kExtra);
}

TEST_F(ChannelTest, ALieAboutWhatWasTakenCostsTheCallerNothing) {
  for (const std::uint64_t lie : {std::uint64_t{1}, ~std::uint64_t{0}, kReleaseCount + std::uint64_t{1}}) {
    View(raw_->data()).header->releases_taken.store(lie);
    for (std::uint64_t id = 1; id <= 2 * kReleaseCount; ++id)
      client_->release_handle(id);
  }
  serve_echo();
  EXPECT_EQ(call("on"), "on!");
}

TEST_F(ChannelTest, AnAnswerThatIsNeverLentIsFreedWithItsOwner) {
  for (int i = 0; i < 100; ++i)
    EXPECT_NO_THROW(worker_->allocate_answer(kAreaBytes / 2));
}

TEST_F(ChannelTest, AFullAreaIsAnErrorThatSaysSo) {
  EXPECT_THROW(client_->allocate_argument(kAreaBytes * 2), Error);
  EXPECT_THROW(worker_->allocate_answer(kAreaBytes * 2), Error);
}

}  // namespace
}  // namespace hubcell::channel

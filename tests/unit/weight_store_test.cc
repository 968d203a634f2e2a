// The supervisor's segments: equal weights once, and whatever a worker says about them checked.
#include "supervisor/weights/worker_segments.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <optional>

#include <hubcell/error.h>

#include "shared/posix/memory.h"
#include "shared/wire/limits.h"

namespace hubcell::weights {
namespace {

constexpr std::uint64_t kBytes = 64 << 10;
constexpr std::uint64_t kLargeBytes = std::uint64_t{9} << 20;  // compared in several pieces

using SegmentPointer = std::shared_ptr<const Segment>;

void fill(int memfd, std::uint64_t bytes, char first, char rest) {
  std::vector<char> content(bytes, rest);
  content[0] = first;
  ASSERT_EQ(::pwrite(memfd, content.data(), content.size(), 0), static_cast<ssize_t>(bytes));
}

class WeightStore : public testing::Test {
 protected:
  template <class Result>
  struct Outcome {
    std::optional<Result> result;
    std::optional<Error> failure;
  };

  template <class Result>
  static process::Task<void> take(process::Task<Result> task, Outcome<Result>& outcome) {
    try {
      outcome.result = co_await std::move(task);
    } catch (const Error& failure) {
      outcome.failure = failure;
    }
  }

  template <class Result>
  Outcome<Result> run(process::Task<Result> task) {
    Outcome<Result> outcome;
    loop_.restart();
    process::asio::co_spawn(loop_, take(std::move(task), outcome), process::asio::detached);
    loop_.run();
    return outcome;
  }

  SegmentPointer add(char first, std::uint64_t bytes = kBytes) {
    posix::UniqueFd memfd = posix::make_writable_memfd("test", bytes);
    fill(memfd.get(), bytes, first, 'x');
    return run(store_->add(std::move(memfd), bytes)).result.value();
  }

  process::asio::io_context loop_;
  const std::shared_ptr<SegmentStore> store_ =
      std::make_shared<SegmentStore>(loop_, SegmentStore::Bounds{.unused_bytes = 3 * kBytes, .segments = 20});
};

TEST_F(WeightStore, EqualSegmentsAreOne) {
  for (const std::uint64_t bytes : {kBytes, kLargeBytes}) {
    const std::size_t before = store_->use().segments;
    const SegmentPointer first = add('a', bytes), second = add('a', bytes), other = add('b', bytes);
    EXPECT_EQ(first, second);
    EXPECT_NE(first->number(), other->number());
    EXPECT_EQ(store_->use().segments, before + 2);
  }
}

TEST_F(WeightStore, TwoThatComeAtTheSameTimeAreOne) {
  Outcome<SegmentPointer> one, other;
  for (Outcome<SegmentPointer>* outcome : {&one, &other}) {
    posix::UniqueFd memfd = posix::make_writable_memfd("test", kLargeBytes);
    fill(memfd.get(), kLargeBytes, 'a', 'x');
    process::asio::co_spawn(loop_, take(store_->add(std::move(memfd), kLargeBytes), *outcome),
                            process::asio::detached);
  }
  loop_.run();
  EXPECT_EQ(one.result.value(), other.result.value());
}

TEST_F(WeightStore, NobodyChangesASegment) {
  posix::UniqueFd memfd = posix::make_writable_memfd("test", kBytes);
  fill(memfd.get(), kBytes, 'a', 'x');
  const posix::UniqueFd kept(::fcntl(memfd.get(), F_DUPFD_CLOEXEC, 3));
  const SegmentPointer segment = run(store_->add(std::move(memfd), kBytes)).result.value();
  for (const int descriptor : {kept.get(), segment->descriptor()}) {
    EXPECT_EQ(::pwrite(descriptor, "b", 1, 0), -1);
    EXPECT_EQ(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
    EXPECT_EQ(::ftruncate(descriptor, 0), -1);
    EXPECT_EQ(::fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    EXPECT_EQ(::fcntl(descriptor, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
  }
}

TEST_F(WeightStore, WhatCanStillBeWrittenIsALie) {
  posix::UniqueFd memfd = posix::make_writable_memfd("test", kBytes);
  fill(memfd.get(), kBytes, 'a', 'x');
  const posix::Mapping kept = posix::Mapping::of(memfd.get(), kBytes);
  EXPECT_EQ(run(store_->add(std::move(memfd), kBytes)).failure.value().code(), ErrorCode::Protocol);
}

TEST_F(WeightStore, WhatWasSealedAgainstSealsIsALie) {
  posix::UniqueFd memfd = posix::make_writable_memfd("test", kBytes);
  fill(memfd.get(), kBytes, 'a', 'x');
  ASSERT_EQ(::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_SEAL), 0);
  EXPECT_EQ(run(store_->add(std::move(memfd), kBytes)).failure.value().code(), ErrorCode::Protocol);
}

TEST_F(WeightStore, WhatWasNotWrittenIsALieAndTakesNoMemory) {
  posix::UniqueFd memfd = posix::make_writable_memfd("test", std::uint64_t{64} << 30);
  EXPECT_EQ(run(store_->add(std::move(memfd), std::uint64_t{64} << 30)).failure.value().code(),
            ErrorCode::Protocol);
  EXPECT_EQ(store_->use().segments, 0U);
}

TEST_F(WeightStore, OfUnusedSegmentsTheLastUsedStay) {
  const std::uint32_t first = add('a')->number();
  const SegmentPointer held = add('b');
  for (const char other : {'c', 'd'})
    add(other);
  EXPECT_EQ(add('a')->number(), first) << "it is used again";
  add('e');
  add('f');
  store_->trim();
  EXPECT_EQ(store_->use().unused_bytes, 3 * kBytes);
  EXPECT_EQ(add('a')->number(), first);
  EXPECT_EQ(add('b'), held);
}

class WorkerSegmentsTest : public WeightStore {
 protected:
  // The numbers of segments that hold one of these each, followed by 'x'.
  std::vector<std::uint32_t> share(WorkerSegments& worker, const std::string& firsts) {
    const std::vector<std::uint64_t> sizes(firsts.size(), kBytes);
    const std::vector<int> blanks = worker.make(sizes);
    for (std::size_t i = 0; i < firsts.size(); ++i)
      fill(blanks[i], kBytes, firsts[i], 'x');
    std::vector<std::uint32_t> numbers;
    const std::vector<SegmentPointer> segments = run(worker.share()).result.value();
    for (const SegmentPointer& segment : segments)
      numbers.push_back(segment->number());
    return numbers;
  }

  static ErrorCode refusal(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& failure) {
      return failure.code();
    }
    ADD_FAILURE() << "it was not refused";
    return ErrorCode::System;
  }

  WorkerSegments worker_{store_, 8 * kBytes};
};

TEST_F(WorkerSegmentsTest, TwoWorkersShareAndEachSeesItsOwnOnly) {
  WorkerSegments other(store_, 8 * kBytes);
  worker_.note_load();
  other.note_load();
  const auto ours = share(worker_, "ab"), theirs = share(other, "bc");
  EXPECT_EQ(ours[1], theirs[0]);
  EXPECT_TRUE(worker_.find(ours[1]));
  EXPECT_FALSE(worker_.find(theirs[1])) << "a sibling's";
  EXPECT_EQ(worker_.use().bytes, 2 * kBytes);
  EXPECT_EQ(worker_.use().common_bytes, kBytes);
}

TEST_F(WorkerSegmentsTest, NothingIsBroughtOutsideOfALoad) {
  const std::vector<std::uint64_t> sizes{kBytes};
  EXPECT_EQ(refusal([&] { worker_.make(sizes); }), ErrorCode::Usage);
}

TEST_F(WorkerSegmentsTest, ItsBudgetBoundsWhatItMapsAndWhatItBrings) {
  worker_.note_load();
  const std::vector<std::uint64_t> too_much{9 * kBytes}, two(2, kBytes);
  EXPECT_EQ(refusal([&] { worker_.make(too_much); }), ErrorCode::Usage);
  // Equal ones count once, but cost a comparison each.
  for (int i = 0; i < 4; ++i)
    share(worker_, "aa");
  EXPECT_EQ(worker_.use().bytes, kBytes);
  EXPECT_EQ(refusal([&] { worker_.make(two); }), ErrorCode::Usage);
  worker_.note_load();
  share(worker_, "bcdefgh");
  worker_.note_load();
  EXPECT_EQ(refusal([&] { worker_.make(two); }), ErrorCode::Usage);
}

TEST_F(WorkerSegmentsTest, AStoreThatIsFullGivesNoMore) {
  WorkerSegments large(store_, 100 * kBytes);
  large.note_load();
  share(large, "abcdefghijklmnopqr");
  EXPECT_EQ(share(large, "st").size(), 2U);
  const std::vector<std::uint64_t> one{kBytes};
  EXPECT_EQ(refusal([&] { large.make(one); }), ErrorCode::Usage);
}

TEST_F(WorkerSegmentsTest, SizesThatCannotBeAreALie) {
  worker_.note_load();
  using Sizes = std::vector<std::uint64_t>;
  for (const Sizes& sizes :
       {Sizes{}, Sizes{0}, Sizes{100}, Sizes{4095}, Sizes(wire::kSegmentsAtOnce + 1, kBytes)})
    EXPECT_EQ(refusal([&] { worker_.make(sizes); }), ErrorCode::Protocol) << sizes.size();
  EXPECT_EQ(refusal([&] { worker_.make(Sizes{~std::uint64_t{0xfff}}); }), ErrorCode::Usage);
}

TEST_F(WorkerSegmentsTest, WhatItNeverGotItNeitherOffersNorDrops) {
  worker_.note_load();
  EXPECT_EQ(run(worker_.share()).failure.value().code(), ErrorCode::Protocol);
  const auto numbers = share(worker_, "aa");
  const std::vector<std::uint32_t> twice{numbers[0], numbers[0]}, once{numbers[0]}, unknown{99};
  worker_.drop(twice);
  EXPECT_EQ(worker_.use().bytes, 0U);
  EXPECT_EQ(refusal([&] { worker_.drop(once); }), ErrorCode::Protocol);
  EXPECT_EQ(refusal([&] { worker_.drop(unknown); }), ErrorCode::Protocol);
}

}  // namespace
}  // namespace hubcell::weights

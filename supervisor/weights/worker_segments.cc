#include "supervisor/weights/worker_segments.h"

#include <hubcell/error.h>

#include "shared/posix/memory.h"
#include "shared/wire/limits.h"

namespace hubcell::weights {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

}  // namespace

WorkerSegments::~WorkerSegments() {
  held_.clear();
  store_->trim();
}

void WorkerSegments::note_load() {
  bytes_left_ = bytes_max_;
  segments_left_ = wire::kSegmentsMax;
}

std::vector<int> WorkerSegments::make(std::span<const std::uint64_t> bytes) {
  if (bytes.empty() || bytes.size() > wire::kSegmentsAtOnce)
    throw Error(ErrorCode::Protocol, "it wants " + std::to_string(bytes.size()) + " segments at once");
  blanks_.clear();
  std::uint64_t room = bytes_max_ - std::min(bytes_max_, use().bytes);
  for (const std::uint64_t size : bytes) {
    if (size == 0 || size % kPageBytes != 0)
      throw Error(ErrorCode::Protocol, "it wants a segment of " + std::to_string(size) + " bytes");
    if (size > room || size > bytes_left_ || segments_left_ == 0 || held_.size() >= wire::kSegmentsMax ||
        !store_->has_room_for(bytes.size()))
      throw Error(ErrorCode::Usage, "the worker's weights take more than its budget");
    room -= size;
    bytes_left_ -= size;
    --segments_left_;
    blanks_.push_back({.memfd = posix::make_writable_memfd("hubcell-weights", size), .bytes = size});
  }
  std::vector<int> descriptors;
  for (const Blank& blank : blanks_)
    descriptors.push_back(blank.memfd.get());
  return descriptors;
}

process::Task<std::vector<std::shared_ptr<const Segment>>> WorkerSegments::share() {
  if (blanks_.empty()) throw Error(ErrorCode::Protocol, "it offers segments that it was not given");
  std::vector<std::shared_ptr<const Segment>> shared;
  std::vector<Blank> offered = std::exchange(blanks_, {});
  for (Blank& blank : offered) {
    std::shared_ptr<const Segment> segment = co_await store_->add(std::move(blank.memfd), blank.bytes);
    Held& held = held_[segment->number()];
    held.segment = segment;
    ++held.times;
    shared.push_back(std::move(segment));
  }
  co_return shared;
}

void WorkerSegments::drop(std::span<const std::uint32_t> numbers) {
  for (const std::uint32_t number : numbers) {
    const auto held = held_.find(number);
    if (held == held_.end()) throw Error(ErrorCode::Protocol, "it drops a segment that it never had");
    if (--held->second.times == 0) held_.erase(held);
  }
  store_->trim();
}

std::shared_ptr<const Segment> WorkerSegments::find(std::uint32_t number) const {
  const auto held = held_.find(number);
  return held == held_.end() ? nullptr : held->second.segment;
}

// The store holds each as well.
WorkerSegments::Use WorkerSegments::use() const {
  constexpr long kStoreAndThisOne = 2;
  Use use;
  for (const auto& [number, held] : held_) {
    use.bytes += held.segment->bytes();
    if (held.segment.use_count() > kStoreAndThisOne) use.common_bytes += held.segment->bytes();
  }
  return use;
}

}  // namespace hubcell::weights

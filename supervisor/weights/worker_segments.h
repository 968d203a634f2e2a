// The segments of one worker: those that it is to write, and those that it maps. What it says is checked here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "shared/posix/unique_fd.h"
#include "supervisor/weights/store.h"

namespace hubcell::weights {

// Loop thread only.
class WorkerSegments {
 public:
  // `bytes_max`: of all that it may have at a time.
  WorkerSegments(std::shared_ptr<SegmentStore> store, std::uint64_t bytes_max)
      : store_(std::move(store)), bytes_max_(bytes_max) {}
  ~WorkerSegments();
  WorkerSegments(const WorkerSegments&) = delete;
  WorkerSegments& operator=(const WorkerSegments&) = delete;

  // A load begins in it: once more it may bring as much as its budget.
  void note_load();
  // Empty segments for it to write, in the place of those that it has not offered; borrowed. Throws Error(Protocol) on sizes that
  // cannot be, Error(Usage) where it has too much.
  std::vector<int> make(std::span<const std::uint64_t> bytes);
  // What it has written goes into the store; from there, in the same order, what it is to map. Throws Error(Protocol).
  process::Task<std::vector<std::shared_ptr<const Segment>>> share();
  // It maps them no longer. Those that it never had are a lie: Error(Protocol).
  void drop(std::span<const std::uint32_t> numbers);

  // Null where it does not map that one.
  std::shared_ptr<const Segment> find(std::uint32_t number) const;
  struct Use {
    std::uint64_t bytes = 0;         // of all segments that it maps
    std::uint64_t common_bytes = 0;  // of those that other workers map, too
  };
  Use use() const;

 private:
  struct Blank {
    posix::UniqueFd memfd;
    std::uint64_t bytes = 0;
  };
  struct Held {
    std::shared_ptr<const Segment> segment;
    std::size_t times = 0;  // that it was given: two of its tensors may be equal
  };

  const std::shared_ptr<SegmentStore> store_;
  const std::uint64_t bytes_max_;
  // What it may still bring: comparing it costs the supervisor time.
  std::uint64_t bytes_left_ = 0;
  std::size_t segments_left_ = 0;
  std::vector<Blank> blanks_;
  std::map<std::uint32_t, Held> held_;  // by number
};

}  // namespace hubcell::weights

// All segments of a supervisor: equal weights are here once, whichever worker of whichever session brings them.
//
// A worker writes its weights into a memfd and offers it. The store seals that against writing, so that what is compared is what
// will be mapped, looks for an equal segment (by a hash, then byte by byte: only who has the bytes comes to share them), and
// keeps the new one where there is none. A segment lives while somebody holds it; of those that nobody holds the last used
// stay, up to a bound, for whoever loads the same model next.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>

#include "shared/posix/unique_fd.h"
#include "supervisor/process/loop.h"
#include "supervisor/weights/segment.h"

namespace hubcell::weights {

// Loop thread only.
class SegmentStore {
 public:
  struct Bounds {
    std::uint64_t unused_bytes = 0;  // of segments that nobody holds
    std::size_t segments = 0;        // each takes a descriptor
  };
  SegmentStore(process::asio::io_context& loop, Bounds bounds);
  ~SegmentStore();

  // The segment that holds what lies in `memfd` (of make_writable_memfd, `bytes` long). The loop goes on between pieces of it. Throws Error(Protocol)
  // where somebody can still write it, or where not all of it has been written.
  process::Task<std::shared_ptr<const Segment>> add(posix::UniqueFd memfd, std::uint64_t bytes);

  struct Use {
    std::size_t segments = 0;
    std::uint64_t bytes = 0;
    std::uint64_t unused_bytes = 0;  // of these nobody's
  };
  Use use() const;
  bool has_room_for(std::size_t segments) const { return segments_.size() + segments <= bounds_.segments; }
  // Called where segments were let go of: what is more than the bound ends.
  void trim();

 private:
  struct Known {
    std::shared_ptr<const Segment> segment;
    std::uint64_t hash = 0;
    bool is_unused() const { return segment.use_count() == 1; }
  };

  process::Task<std::shared_ptr<const Segment>> find_equal(std::span<const std::byte> content,
                                                           std::uint64_t hash);

  process::asio::io_context& loop_;
  const Bounds bounds_;
  const std::uint64_t hash_seed_;  // nobody can prepare weights whose hashes meet
  std::uint32_t next_number_ = 1;
  std::list<Known> segments_;  // the last used last
};

}  // namespace hubcell::weights

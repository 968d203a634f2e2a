// The books of one data area: which byte ranges are in use. The memory itself is not touched.
//
// First fit from the lowest offset, so that the same warm pages serve call after call; neighbours are merged
// when freed. Small blocks that were freed last are kept aside, and serve what has the same size at once: a call after
// another needs no more. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hubcell::channel {

// "12 MiB", rounded up, for messages about what is full.
std::string mib_text(std::uint64_t bytes);

class DataArea {
 public:
  // Hands out offsets in [begin, begin + bytes).
  DataArea(std::uint64_t begin, std::uint64_t bytes);

  // The offset of `bytes` (at least 1) at kBlockAlignment, or none when no range is large enough.
  std::optional<std::uint64_t> allocate(std::uint64_t bytes);
  // The block must be in use.
  void free(std::uint64_t offset);

  std::uint64_t used_bytes() const { return used_bytes_; }
  // A range of free pages to give back to the kernel: what lies above `warm_bytes` of free memory. It counts
  // as untouched afterwards.
  struct Range {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  std::optional<Range> trim(std::uint64_t warm_bytes);

 private:
  struct Block {
    std::uint64_t bytes = 0;
    bool is_aside = false;
  };
  using Blocks = std::map<std::uint64_t, Block>;

  std::optional<std::uint64_t> take_aside(std::uint64_t bytes);
  std::optional<std::uint64_t> allocate_range(std::uint64_t bytes);
  void merge(Blocks::iterator block);
  void merge_all_aside();

  std::map<std::uint64_t, std::uint64_t> free_;  // offset -> bytes, never adjacent
  Blocks used_;                                  // by offset; those aside too
  std::vector<Blocks::iterator> aside_;          // those freed last behind
  std::uint64_t begin_;
  std::uint64_t end_;
  std::uint64_t used_bytes_ = 0;
  // The end of the highest byte that was ever in use and was not trimmed since.
  std::uint64_t touched_end_;
};

}  // namespace hubcell::channel

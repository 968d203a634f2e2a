// Which memory of a block is its own: only pages of that can be replaced without anybody else's seeing it.
//
// glibc gives a block from M_MMAP_THRESHOLD bytes on a mapping of its own, and unmaps that with the block.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hubcell::worker {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kApartBytesMin = std::size_t{64} << 10;

// While it lives each block of kApartBytesMin or more gets a mapping of its own: those that are free in the heap, which malloc
// would give first, are taken meanwhile. Afterwards blocks of calls come from the heap,
// as they do in a process that has run for a while: mapping memory anew for each costs more than many a layer.
class LargeBlocksApart {
 public:
  LargeBlocksApart();
  ~LargeBlocksApart();
  LargeBlocksApart(const LargeBlocksApart&) = delete;
  LargeBlocksApart& operator=(const LargeBlocksApart&) = delete;

 private:
  std::vector<void*> taken_;
};

// Bytes in blocks that have mappings of their own.
std::size_t bytes_apart();

// The whole pages inside of `bytes`, which begin where malloc's block does; none where that block has no mapping of its own,
// or was not malloc's.
std::span<std::byte> own_pages(std::span<std::byte> bytes);

}  // namespace hubcell::worker

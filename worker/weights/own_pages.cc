#include "worker/weights/own_pages.h"

#include <malloc.h>

#include <cstdint>
#include <cstdlib>

namespace hubcell::worker {
namespace {

// What glibc itself comes to by and by, as large blocks are freed.
constexpr int kUsualThresholdBytes = 32 << 20;
constexpr int kUsualTrimBytes = 2 * kUsualThresholdBytes;

// Before each block (glibc, malloc/malloc.c): how far the mapping began before this chunk, and the chunk's size with three
// flags, of which one says that it has a mapping of its own.
struct ChunkHead {
  std::size_t bytes_before;
  std::size_t size_and_flags;
};
constexpr std::size_t kFlags = 7;
constexpr std::size_t kIsMapped = 2;

// No object of this program's, for a sanitizer that looks.
__attribute__((no_sanitize("address"))) ChunkHead head_before(const std::byte* block) {
  const auto* head = reinterpret_cast<const volatile std::size_t*>(block - sizeof(ChunkHead));
  return {.bytes_before = head[0], .size_and_flags = head[1]};
}

bool is_apart(const ChunkHead& head) {
  return (head.size_and_flags & kFlags) == kIsMapped;
}

}  // namespace

// Of the heap at most 4 GiB.
LargeBlocksApart::LargeBlocksApart() {
  ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(kApartBytesMin));
#ifndef HUBCELL_SANITIZED  // whose malloc is another
  constexpr std::size_t kTakenMax = 1 << 16;
  while (taken_.size() < kTakenMax) {
    void* block = std::malloc(kApartBytesMin);
    if (block == nullptr) break;
    taken_.push_back(block);
    if (is_apart(head_before(static_cast<const std::byte*>(block)))) break;
  }
#endif
}

LargeBlocksApart::~LargeBlocksApart() {
  for (void* block : taken_)
    std::free(block);
  ::mallopt(M_MMAP_THRESHOLD, kUsualThresholdBytes);
  ::mallopt(M_TRIM_THRESHOLD, kUsualTrimBytes);
}

std::size_t bytes_apart() {
  return ::mallinfo2().hblkhd;
}

std::span<std::byte> own_pages(std::span<std::byte> bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  // A block lies behind its head in the same page. What is not malloc's may begin with one, behind which nothing is.
  if (begin % kPageBytes < sizeof(ChunkHead) || bytes.size() < kApartBytesMin) return {};
  const ChunkHead head = head_before(bytes.data());
  if (!is_apart(head)) return {};
  const std::uintptr_t chunk = begin - sizeof(ChunkHead);
  const std::size_t chunk_bytes = head.size_and_flags & ~kFlags;
  // These are what glibc checks before it unmaps one.
  if (head.bytes_before > chunk || (chunk - head.bytes_before) % kPageBytes != 0 ||
      (head.bytes_before + chunk_bytes) % kPageBytes != 0 || chunk_bytes < bytes.size() + sizeof(ChunkHead))
    return {};
  const std::size_t first = (kPageBytes - begin % kPageBytes) % kPageBytes;
  const std::size_t whole = (bytes.size() - first) / kPageBytes * kPageBytes;
  return bytes.subspan(first, whole);
}

}  // namespace hubcell::worker

// How a channel's memfd is laid out. Both sides map it whole; each keeps its own books in private memory, and
// reads what the other one wrote exactly once, because it may change under its eyes.
//
//     | header (4 KiB) | 64 slots of 128 bytes | releases | a page for each slot | client's area | worker's area |
//
// The client allocates from its area (tensors, and requests that do not fit into half of the slot's page) and the worker from
// the other (tensors of answers, and responses likewise). What the client no longer needs goes through the ring of releases,
// whether calls are made or not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shared/wire/limits.h"

namespace hubcell::channel {

// A slot's way: Free -> Requested (client) -> Running -> Answered (worker) -> Free (client).
enum class SlotState : std::uint32_t { Free = 0, Requested = 1, Running = 2, Answered = 3 };

struct alignas(128) Slot {
  std::atomic<std::uint32_t> state;           // SlotState; the futex word
  std::atomic<std::uint32_t> client_waits;    // nonzero: wake the futex after answering
  std::atomic<std::uint32_t> cancelled;       // nonzero: an interrupt is meant for this call
  std::atomic<std::uint32_t> worker_cpu;      // on which the call is served; a hint
  std::atomic<std::uint64_t> sequence;        // order of the requests
  std::atomic<std::uint64_t> request_offset;  // from the memfd's begin
  std::atomic<std::uint64_t> request_bytes;
  std::atomic<std::uint64_t> response_offset;
  std::atomic<std::uint64_t> response_bytes;
};

struct Header {
  alignas(128) std::atomic<std::uint64_t> requested;      // a bit for each slot that became Requested
  alignas(128) std::atomic<std::uint32_t> worker_sleeps;  // the futex that rings the worker; 1: it sleeps
  // Of all releases ever made: how many the client has written, and how many the worker has taken.
  alignas(128) std::atomic<std::uint64_t> releases_written;
  alignas(128) std::atomic<std::uint64_t> releases_taken;
};

// A handle or a block of an answer that the client let go of, or a segment that an answer named and that the client has mapped.
// It holds from the request `sequence` on: those before it may still name the handle.
struct Release {
  std::uint64_t what;  // a handle's id, or one of the two below and a block's offset or a segment's number
  std::uint64_t sequence;
};
inline constexpr std::uint64_t kReleasesBlock = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kReleasesSegment = std::uint64_t{1} << 62;
inline constexpr std::size_t kReleaseCount = 1 << 15;

inline constexpr std::size_t kSlotsOffset = 4096;
inline constexpr std::size_t kReleasesOffset = kSlotsOffset + std::size_t{4096} * 3;
inline constexpr std::size_t kFramesOffset = kReleasesOffset + kReleaseCount * sizeof(Release);
// A slot's own room for a request, and for a response: most need no more.
inline constexpr std::size_t kFrameRoom = 2048;
inline constexpr std::size_t kAreasOffset = kFramesOffset + wire::kSlotCount * 2 * kFrameRoom;
inline constexpr std::size_t kBlockAlignment = 64;

static_assert(sizeof(Slot) == 128 && alignof(Slot) == 128);
static_assert(sizeof(Header) <= kSlotsOffset);
static_assert(kSlotsOffset + wire::kSlotCount * sizeof(Slot) <= kReleasesOffset);
static_assert(sizeof(Release) == 16 && kAreasOffset % 4096 == 0);
static_assert(wire::kSlotCount == 64, "one bit of Header::requested for each slot");
static_assert(std::atomic<std::uint32_t>::is_always_lock_free &&
              std::atomic<std::uint64_t>::is_always_lock_free);

// Bytes of a memfd whose two areas are `area_bytes` each (a multiple of the page size), and back.
constexpr std::uint64_t channel_bytes(std::uint64_t area_bytes) {
  return kAreasOffset + 2 * area_bytes;
}
constexpr std::uint64_t area_bytes(std::uint64_t channel_bytes) {
  return (channel_bytes - kAreasOffset) / 2;
}

constexpr std::uint64_t request_room(unsigned slot) {
  return kFramesOffset + std::uint64_t{slot} * 2 * kFrameRoom;
}
constexpr std::uint64_t response_room(unsigned slot) {
  return request_room(slot) + kFrameRoom;
}

struct View {
  explicit View(std::byte* base)
      : header(reinterpret_cast<Header*>(base)),
        slots(reinterpret_cast<Slot*>(base + kSlotsOffset)),
        releases(reinterpret_cast<Release*>(base + kReleasesOffset)) {}
  Header* header;
  Slot* slots;
  Release* releases;
};

}  // namespace hubcell::channel

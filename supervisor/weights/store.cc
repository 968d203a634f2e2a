#include "supervisor/weights/store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <set>

#include <hubcell/error.h>

#include "shared/posix/memory.h"
#include "shared/posix/system_error.h"

namespace hubcell::weights {
namespace {

using process::Task;

// Read or compared at once: 1 or 2 ms.
constexpr std::uint64_t kPieceBytes = std::uint64_t{4} << 20;

std::uint64_t random_number() {
  std::uint64_t number = 0;
  posix::checked(::getrandom(&number, sizeof(number), 0), "get a random number");
  return number;
}

struct FreeHashState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Reading a hole would fill it with pages that the worker never paid for.
bool is_all_written(int memfd, std::uint64_t bytes) {
  struct stat status {};
  posix::checked(::fstat(memfd, &status), "look at a segment");
  constexpr std::uint64_t kBlockBytes = 512;
  return static_cast<std::uint64_t>(status.st_size) == bytes &&
         static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes >= bytes;
}

Task<std::uint64_t> hash_of(process::asio::io_context& loop, std::span<const std::byte> bytes,
                            std::uint64_t seed) {
  const std::unique_ptr<XXH3_state_t, FreeHashState> state(XXH3_createState());
  if (!state) throw std::bad_alloc();
  XXH3_64bits_reset_withSeed(state.get(), seed);
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), kPieceBytes));
    XXH3_64bits_update(state.get(), piece.data(), piece.size());
    bytes = bytes.subspan(piece.size());
    if (!bytes.empty()) co_await process::yield(loop);
  }
  co_return XXH3_64bits_digest(state.get());
}

Task<bool> are_equal(process::asio::io_context& loop, std::span<const std::byte> one,
                     std::span<const std::byte> other) {
  if (one.size() != other.size()) co_return false;
  for (std::size_t begin = 0; begin < one.size(); begin += kPieceBytes) {
    const std::size_t bytes = std::min<std::size_t>(one.size() - begin, kPieceBytes);
    if (std::memcmp(one.data() + begin, other.data() + begin, bytes) != 0) co_return false;
    if (begin + bytes < one.size()) co_await process::yield(loop);
  }
  co_return true;
}

}  // namespace

SegmentStore::SegmentStore(process::asio::io_context& loop, Bounds bounds)
    : loop_(loop), bounds_(bounds), hash_seed_(random_number()) {}

SegmentStore::~SegmentStore() = default;

Task<std::shared_ptr<const Segment>> SegmentStore::add(posix::UniqueFd memfd, std::uint64_t bytes) {
  if (!posix::seal_against_writing(memfd.get()))
    throw Error(ErrorCode::Protocol, "it offers a segment that can still be written");
  if (!is_all_written(memfd.get(), bytes))
    throw Error(ErrorCode::Protocol, "it offers a segment that it has not written");
  const posix::Mapping mapping = posix::Mapping::of_sealed(memfd.get(), bytes);
  const std::span<const std::byte> content(mapping.data(), bytes);
  const std::uint64_t hash = co_await hash_of(loop_, content, hash_seed_);
  // Another worker may bring the same meanwhile: from the last look until it is in the list nothing waits.
  std::shared_ptr<const Segment> equal = co_await find_equal(content, hash);
  if (equal) co_return equal;
  auto segment = std::make_shared<const MemfdSegment>(next_number_++, bytes, std::move(memfd));
  segments_.push_back({.segment = segment, .hash = hash});
  trim();
  co_return segment;
}

// Returns null only from a look at the list as it is now.
Task<std::shared_ptr<const Segment>> SegmentStore::find_equal(std::span<const std::byte> content,
                                                              std::uint64_t hash) {
  std::set<std::uint32_t> others;  // of the same hash, and not equal
  for (;;) {
    const auto known = std::ranges::find_if(segments_, [&](const Known& entry) {
      return entry.hash == hash && !others.contains(entry.segment->number());
    });
    if (known == segments_.end()) co_return nullptr;
    const std::shared_ptr<const Segment> segment = known->segment;
    const posix::Mapping mapping = posix::Mapping::of_sealed(segment->descriptor(), segment->bytes());
    const std::span<const std::byte> its_content(mapping.data(), mapping.size());
    const bool is_equal = co_await are_equal(loop_, its_content, content);
    if (!is_equal) {
      others.insert(segment->number());
      continue;
    }
    // It stays in the list while it is held here.
    const auto place = std::ranges::find(segments_, segment, &Known::segment);
    segments_.splice(segments_.end(), segments_, place);
    co_return segment;
  }
}

SegmentStore::Use SegmentStore::use() const {
  Use use{.segments = segments_.size()};
  for (const Known& known : segments_) {
    use.bytes += known.segment->bytes();
    if (known.is_unused()) use.unused_bytes += known.segment->bytes();
  }
  return use;
}

void SegmentStore::trim() {
  std::uint64_t unused_bytes = use().unused_bytes;
  for (auto known = segments_.begin(); known != segments_.end() && unused_bytes > bounds_.unused_bytes;) {
    if (!known->is_unused()) {
      ++known;
      continue;
    }
    unused_bytes -= known->segment->bytes();
    known = segments_.erase(known);
  }
}

}  // namespace hubcell::weights

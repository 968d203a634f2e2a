#include "shared/channel/data_area.h"

#include <algorithm>
#include <iterator>

#include "shared/base/check.h"
#include "shared/channel/layout.h"

namespace hubcell::channel {
namespace {

constexpr std::size_t kAsideMax = 8;
constexpr std::uint64_t kAsideBytesMax = std::uint64_t{64} << 10;

}  // namespace

std::string mib_text(std::uint64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

DataArea::DataArea(std::uint64_t begin, std::uint64_t bytes)
    : free_{{begin, bytes}}, begin_(begin), end_(begin + bytes), touched_end_(begin) {
  HUBCELL_CHECK(begin % kBlockAlignment == 0 && bytes > 0);
}

std::optional<std::uint64_t> DataArea::allocate(std::uint64_t bytes) {
  if (bytes == 0 || bytes > end_) return std::nullopt;
  const std::uint64_t rounded = (bytes + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  std::optional<std::uint64_t> offset = take_aside(rounded);
  if (!offset) offset = allocate_range(rounded);
  if (!offset && !aside_.empty()) {
    merge_all_aside();
    offset = allocate_range(rounded);
  }
  if (offset) used_bytes_ += rounded;
  return offset;
}

std::optional<std::uint64_t> DataArea::take_aside(std::uint64_t bytes) {
  const auto fit = std::ranges::find(aside_.rbegin(), aside_.rend(), bytes,
                                     [](Blocks::iterator block) { return block->second.bytes; });
  if (fit == aside_.rend()) return std::nullopt;
  const Blocks::iterator block = *fit;
  aside_.erase(std::next(fit).base());
  block->second.is_aside = false;
  return block->first;
}

std::optional<std::uint64_t> DataArea::allocate_range(std::uint64_t bytes) {
  const auto fit =
      std::find_if(free_.begin(), free_.end(), [&](const auto& range) { return range.second >= bytes; });
  if (fit == free_.end()) return std::nullopt;
  const auto [offset, available] = *fit;
  free_.erase(fit);
  if (available > bytes) free_.emplace(offset + bytes, available - bytes);
  used_.emplace(offset, Block{.bytes = bytes});
  touched_end_ = std::max(touched_end_, offset + bytes);
  return offset;
}

void DataArea::free(std::uint64_t offset) {
  const auto block = used_.find(offset);
  HUBCELL_CHECK(block != used_.end() && !block->second.is_aside);
  used_bytes_ -= block->second.bytes;
  if (block->second.bytes > kAsideBytesMax) return merge(block);
  if (aside_.size() == kAsideMax) {
    merge(aside_.front());
    aside_.erase(aside_.begin());
  }
  block->second.is_aside = true;
  aside_.push_back(block);
}

void DataArea::merge(Blocks::iterator block) {
  auto [range, inserted] = free_.emplace(block->first, block->second.bytes);
  HUBCELL_CHECK(inserted);
  used_.erase(block);
  const auto after = std::next(range);
  if (after != free_.end() && range->first + range->second == after->first) {
    range->second += after->second;
    free_.erase(after);
  }
  if (range != free_.begin()) {
    const auto before = std::prev(range);
    if (before->first + before->second == range->first) {
      before->second += range->second;
      free_.erase(range);
    }
  }
}

void DataArea::merge_all_aside() {
  for (const Blocks::iterator block : aside_)
    merge(block);
  aside_.clear();
}

std::optional<DataArea::Range> DataArea::trim(std::uint64_t warm_bytes) {
  if (touched_end_ - begin_ <= warm_bytes) return std::nullopt;
  merge_all_aside();
  const std::uint64_t used_end = used_.empty() ? 0 : used_.rbegin()->first + used_.rbegin()->second.bytes;
  const std::uint64_t begin = std::max(used_end, free_.empty() ? end_ : free_.rbegin()->first);
  if (touched_end_ <= begin || touched_end_ - begin <= warm_bytes) return std::nullopt;
  const Range range{.offset = begin + warm_bytes, .bytes = touched_end_ - begin - warm_bytes};
  touched_end_ = range.offset;
  return range;
}

}  // namespace hubcell::channel

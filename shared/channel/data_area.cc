#include "shared/channel/data_area.h"

#include <algorithm>
#include <iterator>

#include "shared/base/check.h"
#include "shared/channel/layout.h"

namespace hubcell::channel {

std::string mib_text(std::uint64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

DataArea::DataArea(std::uint64_t begin, std::uint64_t bytes)
    : free_{{begin, bytes}}, end_(begin + bytes), touched_end_(begin) {
  HUBCELL_CHECK(begin % kBlockAlignment == 0 && bytes > 0);
}

std::optional<std::uint64_t> DataArea::allocate(std::uint64_t bytes) {
  if (bytes == 0 || bytes > end_) return std::nullopt;
  const std::uint64_t rounded = (bytes + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  const auto fit =
      std::find_if(free_.begin(), free_.end(), [&](const auto& range) { return range.second >= rounded; });
  if (fit == free_.end()) return std::nullopt;
  const auto [offset, available] = *fit;
  free_.erase(fit);
  if (available > rounded) free_.emplace(offset + rounded, available - rounded);
  used_.emplace(offset, rounded);
  used_bytes_ += rounded;
  touched_end_ = std::max(touched_end_, offset + rounded);
  return offset;
}

std::uint64_t DataArea::free(std::uint64_t offset) {
  const auto block = used_.find(offset);
  HUBCELL_CHECK(block != used_.end());
  const std::uint64_t bytes = block->second;
  used_.erase(block);
  used_bytes_ -= bytes;
  auto [range, inserted] = free_.emplace(offset, bytes);
  HUBCELL_CHECK(inserted);
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
  return bytes;
}

std::optional<DataArea::Range> DataArea::trim(std::uint64_t warm_bytes) {
  const std::uint64_t used_end = used_.empty() ? 0 : used_.rbegin()->first + used_.rbegin()->second;
  const std::uint64_t begin = std::max(used_end, free_.empty() ? end_ : free_.rbegin()->first);
  if (touched_end_ <= begin || touched_end_ - begin <= warm_bytes) return std::nullopt;
  const Range range{.offset = begin + warm_bytes, .bytes = touched_end_ - begin - warm_bytes};
  touched_end_ = range.offset;
  return range;
}

}  // namespace hubcell::channel

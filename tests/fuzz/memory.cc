#include "tests/fuzz/memory.h"

#include <algorithm>

#include <hubcell/error.h>

#include "shared/channel/layout.h"

namespace hubcell::fuzz {

Memory::Memory() : bytes_(std::make_shared<std::vector<std::byte>>(kMemoryBytes)) {
  // Nothing repeats within a block, so that bytes from a wrong place are noticed.
  for (std::size_t i = 0; i < bytes_->size(); ++i)
    (*bytes_)[i] = static_cast<std::byte>(i * 7 + i / 251);
}

ValueReadContext Memory::reader() {
  const auto map = [this](const Block& block) {
    if (block.segment != 0 || block.bytes == 0 || block.bytes > bytes_->size() ||
        block.offset > bytes_->size() - block.bytes || block.offset % channel::kBlockAlignment != 0) {
      wire::malformed("a block lies outside of its memory");
    }
    std::byte* data = bytes_->data() + block.offset;
    mapped_.emplace_back(data, block.bytes);
    return MappedBlock{.data = data, .owner = bytes_};
  };
  return {.map_block = map, .bind_handle = [this](std::uint64_t) { return bytes_; }};
}

ValueWriteContext Memory::writer() {
  const auto allocate = [this](std::uint64_t bytes) {
    if (bytes > bytes_->size() - used_) throw Error(ErrorCode::System, "no more room");
    const AllocatedBlock allocated{.block = {.segment = 0, .offset = used_, .bytes = bytes},
                                   .data = bytes_->data() + used_};
    constexpr std::size_t kAlignment = channel::kBlockAlignment;
    used_ = std::min((used_ + bytes + kAlignment - 1) / kAlignment * kAlignment, bytes_->size());
    return allocated;
  };
  return {.place_tensors = [allocate](std::span<const Tensor* const> tensors) {
    return place_copies(tensors, allocate);
  }};
}

bool Memory::is_mapped(const std::byte* begin, std::size_t bytes) const {
  return std::ranges::any_of(mapped_, [&](std::span<const std::byte> block) {
    return begin >= block.data() && begin + bytes <= block.data() + block.size();
  });
}

void Memory::reset() {
  used_ = 0;
  mapped_.clear();
}

}  // namespace hubcell::fuzz

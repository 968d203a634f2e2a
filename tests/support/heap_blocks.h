// The blocks of a message in one piece of heap memory, as a channel would have them.
#pragma once

#include <cstddef>
#include <vector>

#include "shared/value/value_codec.h"

namespace hubcell::tests {

class HeapBlocks {
 public:
  ValueWriteContext writer() {
    return {.place_tensors = [this](std::span<const Tensor* const> tensors) {
      return place_copies(tensors, [this](std::uint64_t bytes) { return allocate(bytes); });
    }};
  }
  ValueReadContext reader() {
    return {.map_block =
                [this](const Block& block) {
                  if (block.offset > memory_->size() || block.bytes > memory_->size() - block.offset) {
                    wire::malformed("block");
                  }
                  return MappedBlock{memory_->data() + block.offset, memory_};
                },
            .bind_handle = [](std::uint64_t) { return std::make_shared<int>(1); }};
  }
  const std::vector<std::byte>& memory() const { return *memory_; }
  std::size_t used_bytes() const { return used_; }

 private:
  AllocatedBlock allocate(std::uint64_t bytes) {
    if (bytes > memory_->size() - used_) throw Error(ErrorCode::System, "the test has too little memory");
    const AllocatedBlock allocated{.block = {.segment = 0, .offset = used_, .bytes = bytes},
                                   .data = memory_->data() + used_};
    used_ += (bytes + 15) / 16 * 16;
    return allocated;
  }

  // Kept by the tensors that were read from it.
  std::shared_ptr<std::vector<std::byte>> memory_ =
      std::make_shared<std::vector<std::byte>>(std::size_t{1} << 16);
  std::size_t used_ = 0;
};

inline std::vector<std::byte> to_bytes(const Value& value, HeapBlocks& blocks) {
  wire::SpanWriter writer;
  write_value(writer, value, blocks.writer());
  return writer.take_bytes();
}

inline Value from_bytes(std::span<const std::byte> bytes, HeapBlocks& blocks) {
  wire::SpanReader reader(bytes);
  Value value = read_value(reader, blocks.reader());
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  return value;
}

}  // namespace hubcell::tests

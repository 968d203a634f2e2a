// A value as bytes: a tag and its content, depth first. Tensor bytes are not among them: they lie in blocks
// of shared memory, which `BlockPlacer` allocates and `BlockMapper` finds again.
//
// Reading distrusts: depth, node count, tags, bools, dtypes and shapes are checked, and a tensor's block is
// handed to the mapper with the size that its shape asks for.
#pragma once

#include <functional>

#include <hubcell/value.h>

#include "shared/wire/codec.h"

namespace hubcell {

// A range of a shared memory segment. Segment 0 is the channel's own; others may come later.
struct Block {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(segment, offset, bytes);
  }
};

// Puts a tensor's bytes (at least one) where the other side can see them and says where that is.
using BlockPlacer = std::function<Block(const Tensor&)>;
// Checks a block and returns its memory with what keeps it alive. Throws Error(Protocol) on a block that
// cannot be.
struct MappedBlock {
  std::byte* data;
  std::shared_ptr<void> owner;
};
using BlockMapper = std::function<MappedBlock(const Block&)>;
// Turns a handle's id into its lease on the reading side. Throws on an id that cannot be.
using HandleBinder = std::function<std::shared_ptr<void>(std::uint64_t id)>;

struct ValueReadContext {
  BlockMapper map_block;
  HandleBinder bind_handle;
};

void write_value(wire::SpanWriter& writer, const Value& value, const BlockPlacer& place_block);
// Throws Error(Protocol).
Value read_value(wire::SpanReader& reader, const ValueReadContext& context);

}  // namespace hubcell

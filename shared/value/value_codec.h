// The values of a message as bytes: a table of blocks, then each value as a tag and its content, depth first. The bytes of
// tensors are not among them: they lie in the blocks of shared memory that the table names.
//
// What is shared within a message is written once: its first place carries a mark, and later ones its number. So
// aliases arrive as aliases, and a value that holds itself cannot be written down.
//
// Reading distrusts: depth, node count (with what references repeat), tags, bools, dtypes, shapes and strides
// are checked, and a tensor has to lie within its block.
#pragma once

#include <functional>

#include <hubcell/value.h>

#include "shared/value/block_layout.h"
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

// Where the tensors of a message are: each in one of its blocks.
struct PlacedTensors {
  std::vector<Block> blocks;
  std::vector<TensorLayout> tensors;
};

struct ValueWriteContext {
  // Puts tensors where the other side can see them; called once a message, with all that it has.
  std::function<PlacedTensors(std::span<const Tensor* const>)> place_tensors;
  // By which number the reader knows it; throws where a handle must not be sent. May be empty: its own id.
  std::function<std::uint64_t(const Handle&)> number_handle = nullptr;
};

struct MappedBlock {
  std::byte* data;
  std::shared_ptr<void> owner;  // keeps the memory the reader's
};

struct ValueReadContext {
  // Checks a block and returns its memory. Throws Error(Protocol) on a block that cannot be.
  std::function<MappedBlock(const Block&)> map_block;
  // Turns a handle's id into its lease on the reading side. Throws on an id that cannot be.
  std::function<std::shared_ptr<void>(std::uint64_t id)> bind_handle;
};

// Throws Error(Usage) on a value that is deeper than limits.h allows, and where all have more parts.
void write_values(wire::SpanWriter& writer, std::span<const Value* const> values,
                  const ValueWriteContext& context);
// How many there are the reader knows. Throws Error(Protocol).
std::vector<Value> read_values(wire::SpanReader& reader, std::size_t count, const ValueReadContext& context);

// Of one value.
void write_value(wire::SpanWriter& writer, const Value& value, const ValueWriteContext& context);
Value read_value(wire::SpanReader& reader, const ValueReadContext& context);

// Places tensors by copying them: `allocate` gives each block and the memory that it names.
struct AllocatedBlock {
  Block block;
  std::byte* data;
};
PlacedTensors place_copies(std::span<const Tensor* const> tensors,
                           const std::function<AllocatedBlock(std::uint64_t bytes)>& allocate);

}  // namespace hubcell

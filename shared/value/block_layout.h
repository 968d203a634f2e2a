// How the tensors of one message lie in blocks of shared memory, so that they arrive as what they were: with
// the order of their dimensions, with what they repeat, and with the memory that they share.
//
// A tensor that shares memory with no other of the message gets a block of its own, without the gaps that it
// has where it lies now. Tensors that overlap go into one block as they lie, and what lies between them is not sent.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <hubcell/tensor.h>

namespace hubcell {

struct TensorLayout {
  std::uint32_t block = 0;            // which of the message's blocks
  std::uint64_t begin = 0;            // bytes from the block's begin to the first element
  std::vector<std::int64_t> strides;  // in elements; empty: row-major
};

struct PlannedBlock {
  std::uint64_t bytes = 0;
  bool has_gaps = false;  // to be zeroed first
};

struct BlockLayout {
  std::vector<PlannedBlock> blocks;
  // One for each tensor; of those without elements nothing counts.
  std::vector<TensorLayout> tensors;
};

// Looks at addresses, shapes and strides, never at elements. Error(Usage) where the elements of tensors that go into one
// block overlap so often, and so irregularly, that copying them could take for ever.
BlockLayout lay_out(std::span<const Tensor* const> tensors);

// The tensor as it will lie in its block, whose memory begins at `block` and is kept by `owner`.
Tensor placed(const Tensor& tensor, const TensorLayout& layout, std::byte* block,
              std::shared_ptr<void> owner);

// The same elements in other dimensions, in which as few as possible are met twice: windows over a row are the row. Their
// order is another one.
Tensor without_repeats(const Tensor& tensor);

// Strides of a copy without gaps, in the same order of dimensions; a dimension that repeats goes on repeating.
std::vector<std::int64_t> dense_strides(const Tensor& tensor);

}  // namespace hubcell

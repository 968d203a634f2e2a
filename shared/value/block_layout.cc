#include "shared/value/block_layout.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include <hubcell/error.h>

namespace hubcell {
namespace {

// What an element may have to be aligned to.
constexpr std::uintptr_t kItemAlignment = 16;
// How often an element of a tensor may be copied, on average, where the tensor overlaps itself.
constexpr std::size_t kRepeatsMax = 16;

std::uintptr_t begin_of(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.data());
}

std::uintptr_t end_of(const Tensor& tensor) {
  return begin_of(tensor) + tensor.extent_bytes();
}

// Indices of the tensors that have elements, by address.
std::vector<std::size_t> sorted_by_address(std::span<const Tensor* const> tensors) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i]->count() != 0) order.push_back(i);
  std::ranges::sort(order, {}, [&](std::size_t i) { return begin_of(*tensors[i]); });
  return order;
}

// `repeats` dimensions take no room.
bool repeats(const Tensor& tensor, const std::vector<std::int64_t>& strides, std::size_t dimension) {
  return strides[dimension] == 0 && tensor.shape()[dimension] > 1;
}

std::uint64_t dense_bytes(const Tensor& tensor, const std::vector<std::int64_t>& strides) {
  std::uint64_t bytes = item_bytes(tensor.dtype());
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (!repeats(tensor, strides, i)) bytes *= static_cast<std::uint64_t>(tensor.shape()[i]);
  return bytes;
}

void add_alone(BlockLayout& layout, std::span<const Tensor* const> tensors, std::size_t index) {
  const Tensor& tensor = *tensors[index];
  layout.tensors[index].block = static_cast<std::uint32_t>(layout.blocks.size());
  if (tensor.is_contiguous()) {
    layout.blocks.push_back({.bytes = tensor.bytes()});
  } else {
    layout.tensors[index].strides = dense_strides(tensor);
    layout.blocks.push_back({.bytes = dense_bytes(tensor, tensor.strides())});
  }
}

void require_few_repeats(const Tensor& tensor) {
  if (without_repeats(tensor).bytes() / kRepeatsMax <= tensor.extent_bytes()) return;
  throw Error(ErrorCode::Usage,
              "send a tensor of " + std::to_string(tensor.count()) + " elements that overlap in " +
                  std::to_string(tensor.extent_bytes()) +
                  " bytes, beside another one that lies there: send a copy of it (contiguous())");
}

// Overlapping tensors keep their distances, and so their alignment where the first one keeps its own.
void add_together(BlockLayout& layout, std::span<const Tensor* const> tensors,
                  std::span<const std::size_t> group, std::uintptr_t end) {
  const std::uintptr_t begin = begin_of(*tensors[group.front()]);
  const std::uintptr_t base = begin - begin % kItemAlignment;
  const auto block = static_cast<std::uint32_t>(layout.blocks.size());
  for (const std::size_t i : group) {
    require_few_repeats(*tensors[i]);
    layout.tensors[i] = {.block = block, .begin = begin_of(*tensors[i]) - base, .strides = {}};
    if (!tensors[i]->is_contiguous()) layout.tensors[i].strides = tensors[i]->strides();
  }
  layout.blocks.push_back({.bytes = end - base, .has_gaps = true});
}

}  // namespace

std::vector<std::int64_t> dense_strides(const Tensor& tensor) {
  std::vector<std::int64_t> strides = tensor.strides();
  if (tensor.is_contiguous()) return strides;
  std::vector<std::size_t> inner_first(strides.size());
  std::iota(inner_first.begin(), inner_first.end(), std::size_t{0});
  // Of equal strides the last dimension is the innermost.
  std::ranges::sort(inner_first, {},
                    [&](std::size_t i) { return std::pair(strides[i], strides.size() - i); });
  std::int64_t stride = 1;
  for (const std::size_t i : inner_first) {
    if (repeats(tensor, strides, i)) continue;
    strides[i] = stride;
    stride *= tensor.shape()[i];
  }
  return strides;
}

// Two dimensions are one where the outer one's steps fall on the inner one's, without a gap: 0 1 2 and 2 3 4 are 0 to 4.
Tensor without_repeats(const Tensor& tensor) {
  const std::vector<std::int64_t> strides = tensor.strides();
  std::vector<std::pair<std::int64_t, std::int64_t>> dimensions;  // stride and size, inner ones first
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (strides[i] != 0 && tensor.shape()[i] > 1) dimensions.emplace_back(strides[i], tensor.shape()[i]);
  std::ranges::sort(dimensions);
  std::vector<std::int64_t> shape, steps;
  for (const auto& [stride, size] : dimensions) {
    const std::int64_t steps_of_inner =
        steps.empty() || stride % steps.back() != 0 ? 0 : stride / steps.back();
    if (steps_of_inner != 0 && steps_of_inner <= shape.back()) {
      shape.back() += (size - 1) * steps_of_inner;
    } else {
      shape.push_back(size);
      steps.push_back(stride);
    }
  }
  std::ranges::reverse(shape);
  std::ranges::reverse(steps);
  return Tensor::strided(tensor.dtype(), std::move(shape), std::move(steps), tensor.owner(), tensor.data());
}

BlockLayout lay_out(std::span<const Tensor* const> tensors) {
  BlockLayout layout{.blocks = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
  layout.blocks.reserve(tensors.size());
  if (tensors.size() == 1) {  // most calls have one
    if (tensors[0]->count() != 0) add_alone(layout, tensors, 0);
    return layout;
  }
  const std::vector<std::size_t> order = sorted_by_address(tensors);
  for (std::size_t first = 0; first < order.size();) {
    std::uintptr_t end = end_of(*tensors[order[first]]);
    std::size_t next = first + 1;
    for (; next < order.size() && begin_of(*tensors[order[next]]) < end; ++next)
      end = std::max(end, end_of(*tensors[order[next]]));
    if (next - first == 1) {
      add_alone(layout, tensors, order[first]);
    } else {
      add_together(layout, tensors, std::span(order).subspan(first, next - first), end);
    }
    first = next;
  }
  return layout;
}

Tensor placed(const Tensor& tensor, const TensorLayout& layout, std::byte* block,
              std::shared_ptr<void> owner) {
  std::byte* data = block + layout.begin;
  if (layout.strides.empty()) return Tensor(tensor.dtype(), tensor.shape(), std::move(owner), data);
  return Tensor::strided(tensor.dtype(), tensor.shape(), layout.strides, std::move(owner), data);
}

}  // namespace hubcell

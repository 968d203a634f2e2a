#include "shared/value/block_layout.h"

#include <algorithm>
#include <numeric>

namespace hubcell {
namespace {

// What an element may have to be aligned to.
constexpr std::uintptr_t kItemAlignment = 16;

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
  layout.tensors[index].block = static_cast<std::uint32_t>(layout.block_bytes.size());
  if (tensor.is_contiguous()) {
    layout.block_bytes.push_back(tensor.bytes());
  } else {
    layout.tensors[index].strides = dense_strides(tensor);
    layout.block_bytes.push_back(dense_bytes(tensor, tensor.strides()));
  }
  layout.has_gaps.push_back(false);
}

// Overlapping tensors keep their distances, and so their alignment where the first one keeps its own.
void add_together(BlockLayout& layout, std::span<const Tensor* const> tensors,
                  std::span<const std::size_t> group, std::uintptr_t end) {
  const std::uintptr_t begin = begin_of(*tensors[group.front()]);
  const std::uintptr_t base = begin - begin % kItemAlignment;
  const auto block = static_cast<std::uint32_t>(layout.block_bytes.size());
  for (const std::size_t i : group) {
    layout.tensors[i] = {.block = block, .begin = begin_of(*tensors[i]) - base, .strides = {}};
    if (!tensors[i]->is_contiguous()) layout.tensors[i].strides = tensors[i]->strides();
  }
  layout.block_bytes.push_back(end - base);
  layout.has_gaps.push_back(true);
}

}  // namespace

std::vector<std::int64_t> dense_strides(const Tensor& tensor) {
  std::vector<std::int64_t> strides = tensor.strides();
  if (tensor.is_contiguous()) return strides;
  std::vector<std::size_t> inner_first(strides.size());
  std::iota(inner_first.rbegin(), inner_first.rend(), std::size_t{0});
  std::ranges::stable_sort(inner_first, {}, [&](std::size_t i) { return strides[i]; });
  std::int64_t stride = 1;
  for (const std::size_t i : inner_first) {
    if (repeats(tensor, strides, i)) continue;
    strides[i] = stride;
    stride *= tensor.shape()[i];
  }
  return strides;
}

BlockLayout lay_out(std::span<const Tensor* const> tensors) {
  BlockLayout layout{.block_bytes = {}, .has_gaps = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
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

Tensor placed(const Tensor& tensor, const TensorLayout& layout, std::byte* block, std::shared_ptr<void> owner) {
  std::byte* data = block + layout.begin;
  if (layout.strides.empty()) return Tensor(tensor.dtype(), tensor.shape(), std::move(owner), data);
  return Tensor::strided(tensor.dtype(), tensor.shape(), layout.strides, std::move(owner), data);
}

}  // namespace hubcell

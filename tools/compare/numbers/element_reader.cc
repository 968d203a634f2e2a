#include "tools/compare/numbers/element_reader.h"

#include <algorithm>
#include <cstring>

namespace hubcell::compare {
namespace {

// Compilers turn a memcpy of a constant size into one load and one store.
template <std::size_t kItem>
void copy_run(std::byte* into, const std::byte* from, std::int64_t stride, std::size_t count) {
  const std::int64_t step = stride * static_cast<std::int64_t>(kItem);
  for (std::size_t i = 0; i < count; ++i)
    std::memcpy(into + i * kItem, from + static_cast<std::int64_t>(i) * step, kItem);
}

void copy_run(std::size_t item, std::byte* into, const std::byte* from, std::int64_t stride,
              std::size_t count) {
  if (stride == 1) {
    std::memcpy(into, from, count * item);
  } else if (item == 1) {
    copy_run<1>(into, from, stride, count);
  } else if (item == 2) {
    copy_run<2>(into, from, stride, count);
  } else if (item == 4) {
    copy_run<4>(into, from, stride, count);
  } else if (item == 8) {
    copy_run<8>(into, from, stride, count);
  } else {
    copy_run<16>(into, from, stride, count);
  }
}

}  // namespace

ElementReader::ElementReader(const Tensor& tensor)
    : item_(item_bytes(tensor.dtype())), left_(tensor.count()), data_(tensor.data()) {
  if (left_ == 0) return;
  const std::vector<std::int64_t> strides = tensor.strides();
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::int64_t size = tensor.shape()[i], stride = strides[i];
    if (size == 1) continue;
    if (!dimensions_.empty() && dimensions_.back().stride == stride * size) {
      dimensions_.back().size *= size;
      dimensions_.back().stride = stride;
    } else {
      dimensions_.push_back({size, stride});
    }
  }
  if (dimensions_.empty()) dimensions_.push_back({1, 1});
}

std::size_t ElementReader::read(std::span<std::byte> into) {
  const std::size_t wanted = std::min(into.size() / item_, left_);
  std::size_t done = 0;
  while (done < wanted)
    done += read_run(into.data() + done * item_, wanted - done);
  left_ -= wanted;
  return wanted;
}

// As much of the innermost dimension as is left of it.
std::size_t ElementReader::read_run(std::byte* into, std::size_t count) {
  Dimension& inner = dimensions_.back();
  const auto run =
      static_cast<std::size_t>(std::min(inner.size - inner.position, static_cast<std::int64_t>(count)));
  copy_run(item_, into, data_ + offset_ * static_cast<std::int64_t>(item_), inner.stride, run);
  inner.position += static_cast<std::int64_t>(run);
  offset_ += static_cast<std::int64_t>(run) * inner.stride;
  if (inner.position == inner.size) step_outer();
  return run;
}

void ElementReader::step_outer() {
  for (std::size_t i = dimensions_.size(); i-- > 0;) {
    Dimension& ended = dimensions_[i];
    if (ended.position < ended.size) return;
    offset_ -= ended.size * ended.stride;
    ended.position = 0;
    if (i == 0) return;
    ++dimensions_[i - 1].position;
    offset_ += dimensions_[i - 1].stride;
  }
}

}  // namespace hubcell::compare

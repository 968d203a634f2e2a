#include <hubcell/tensor.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <string>

#include <hubcell/error.h>

#include "shared/value/copied_bytes.h"

namespace hubcell {
namespace {

struct DTypeEntry {
  std::string_view name;
  std::size_t item_bytes;
};

constexpr std::array<DTypeEntry, static_cast<std::size_t>(kDTypeLast) + 1> kDTypes{{{"bool", 1},
                                                                                    {"uint8", 1},
                                                                                    {"int8", 1},
                                                                                    {"int16", 2},
                                                                                    {"int32", 4},
                                                                                    {"int64", 8},
                                                                                    {"float16", 2},
                                                                                    {"bfloat16", 2},
                                                                                    {"float32", 4},
                                                                                    {"float64", 8},
                                                                                    {"complex64", 8},
                                                                                    {"complex128", 16},
                                                                                    {"complex32", 4},
                                                                                    {"uint16", 2},
                                                                                    {"uint32", 4},
                                                                                    {"uint64", 8},
                                                                                    {"float8_e4m3fn", 1},
                                                                                    {"float8_e5m2", 1},
                                                                                    {"float8_e4m3fnuz", 1},
                                                                                    {"float8_e5m2fnuz", 1},
                                                                                    {"float8_e8m0fnu", 1}}};

// Sizes and strides below this product can be added and multiplied by an element's size without a second look.
constexpr std::size_t kElementsMax = std::numeric_limits<std::size_t>::max() / 64;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, "make a tensor: " + why);
}

std::size_t checked_count(const std::vector<std::int64_t>& shape) {
  // A dimension of 0 makes the whole empty, however large the others are.
  std::size_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) refuse("a dimension is negative");
    if (size == 0) empty = true;
  }
  if (empty) return 0;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(size), &count) || count > kElementsMax) {
      refuse("its shape has too many elements");
    }
  }
  return count;
}

// Beside a dimension of 0 the others may be of any size: strides end at the largest number.
std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    if (__builtin_mul_overflow(strides[i], std::max<std::int64_t>(shape[i], 1), &strides[i - 1]))
      strides[i - 1] = std::numeric_limits<std::int64_t>::max();
  }
  return strides;
}

// As torch: how far apart the elements of a dimension of size 1 lie is nobody's matter.
bool is_row_major(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

void check_strides(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  if (strides.size() != shape.size()) refuse("it has not one stride for each dimension");
  std::size_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::size_t reach = 0;
    if (strides[i] < 0) refuse("a stride is negative");
    if (__builtin_mul_overflow(static_cast<std::size_t>(strides[i]), static_cast<std::size_t>(shape[i] - 1),
                               &reach) ||
        reach > kElementsMax || (last += reach) > kElementsMax) {
      refuse("its strides reach too far");
    }
  }
}

// Whether the elements fill their extent, in whatever order. An extent of as many bytes is not enough: a tensor that
// repeats elements may have gaps, and what lies in them is not its own.
bool is_dense(const Tensor& tensor) {
  if (tensor.is_contiguous()) return true;
  if (tensor.extent_bytes() != tensor.bytes()) return false;
  const std::vector<std::int64_t> strides = tensor.strides();
  std::vector<std::size_t> inner_first(strides.size());
  std::iota(inner_first.begin(), inner_first.end(), std::size_t{0});
  std::ranges::sort(inner_first, {}, [&](std::size_t i) { return strides[i]; });
  std::int64_t expected = 1;
  for (const std::size_t i : inner_first) {
    if (tensor.shape()[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= tensor.shape()[i];
  }
  return true;
}

// A position in two tensors of one shape; `advance` goes to the next in row-major order, false after the last.
// Dimensions that repeat in both, or have one element, are left out: their size and stride may be of any size.
class Odometer {
 public:
  Odometer(const Tensor& from, const Tensor& to) {
    const std::vector<std::int64_t> from_strides = from.strides(), to_strides = to.strides();
    for (std::size_t i = 0; i < from_strides.size(); ++i) {
      if (from.shape()[i] == 1 || (from_strides[i] == 0 && to_strides[i] == 0)) continue;
      shape_.push_back(from.shape()[i]);
      from_.push_back(from_strides[i]);
      to_.push_back(to_strides[i]);
    }
    position_.resize(shape_.size());
  }

  std::int64_t from_offset() const { return from_offset_; }
  std::int64_t to_offset() const { return to_offset_; }
  bool advance() {
    for (std::size_t i = position_.size(); i-- > 0;) {
      from_offset_ += from_[i];
      to_offset_ += to_[i];
      if (++position_[i] < shape_[i]) return true;
      from_offset_ -= from_[i] * shape_[i];
      to_offset_ -= to_[i] * shape_[i];
      position_[i] = 0;
    }
    return false;
  }

 private:
  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> from_;
  std::vector<std::int64_t> to_;
  std::vector<std::int64_t> position_;
  std::int64_t from_offset_ = 0;
  std::int64_t to_offset_ = 0;
};

}  // namespace

std::size_t item_bytes(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].item_bytes;
}

std::string_view name(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

Tensor::Tensor(DType dtype, std::vector<std::int64_t> shape, std::shared_ptr<void> owner, void* data)
    : dtype_(dtype),
      shape_(std::move(shape)),
      count_(checked_count(shape_)),
      owner_(std::move(owner)),
      data_(static_cast<std::byte*>(data)) {}

Tensor Tensor::strided(DType dtype, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
                       std::shared_ptr<void> owner, void* data) {
  Tensor tensor(dtype, std::move(shape), std::move(owner), data);
  if (tensor.count_ == 0) return tensor;
  check_strides(tensor.shape_, strides);
  if (!is_row_major(tensor.shape_, strides)) tensor.strides_ = std::move(strides);
  return tensor;
}

Tensor Tensor::zeros(DType dtype, std::vector<std::int64_t> shape) {
  const std::size_t bytes = checked_count(shape) * item_bytes(dtype);
  std::shared_ptr<std::byte[]> memory(new (std::nothrow) std::byte[bytes == 0 ? 1 : bytes]());
  std::byte* data = memory.get();
  if (data == nullptr)
    throw Error(ErrorCode::System,
                "make a tensor of " + std::to_string(bytes) + " bytes: the system has no room for it");
  return Tensor(dtype, std::move(shape), std::move(memory), data);
}

std::vector<std::int64_t> Tensor::strides() const {
  return is_contiguous() ? row_major(shape_) : strides_;
}

Tensor Tensor::contiguous() const {
  if (is_contiguous()) return *this;
  Tensor copy = zeros(dtype_, shape_).with_grad(requires_grad_, is_parameter_);
  copy_elements(*this, copy);
  return copy;
}

std::size_t Tensor::extent_bytes() const {
  if (is_contiguous()) return bytes();
  std::size_t last = 0;
  for (std::size_t i = 0; i < shape_.size(); ++i)
    last += static_cast<std::size_t>(strides_[i] * (shape_[i] - 1));
  return (last + 1) * item_bytes(dtype_);
}

Tensor Tensor::with_grad(bool requires_grad, bool is_parameter) const {
  Tensor same = *this;
  same.requires_grad_ = requires_grad;
  same.is_parameter_ = is_parameter;
  return same;
}

void Tensor::throw_not_contiguous() {
  throw Error(ErrorCode::Usage,
              "read a tensor's elements in row-major order: it has other strides; take contiguous() first");
}

void copy_items(const Tensor& tensor, const void* data, std::size_t bytes) {
  if (bytes != tensor.bytes()) {
    throw Error(ErrorCode::Usage, "fill a tensor of " + std::to_string(tensor.bytes()) +
                                      " bytes: " + std::to_string(bytes) +
                                      " were given; the shape does not fit the items");
  }
  if (bytes != 0) std::memcpy(tensor.items<std::byte>(), data, bytes);
}

bool is_one_piece(const Tensor& from, const Tensor& to) {
  if (from.is_contiguous() && to.is_contiguous()) return true;
  return is_dense(from) && from.strides() == to.strides();
}

void copy_elements(const Tensor& from, const Tensor& to) {
  if (from.dtype() != to.dtype() || from.shape() != to.shape())
    refuse("a copy needs the dtype and the shape of the original");
  if (from.count() == 0) return;
  copied_bytes += from.bytes();
  if (is_one_piece(from, to)) {
    std::memcpy(to.data(), from.data(), from.bytes());
    return;
  }
  const std::size_t item = item_bytes(from.dtype());
  Odometer odometer(from, to);
  do {
    std::memcpy(to.data() + odometer.to_offset() * static_cast<std::int64_t>(item),
                from.data() + odometer.from_offset() * static_cast<std::int64_t>(item), item);
  } while (odometer.advance());
}

}  // namespace hubcell

#include <hubcell/tensor.h>

#include <array>
#include <cstring>
#include <limits>
#include <string>

#include <hubcell/error.h>

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
                                                                                    {"complex128", 16}}};

std::size_t checked_count(const std::vector<std::int64_t>& shape) {
  // A dimension of 0 makes the whole empty, however large the others are.
  std::size_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) throw Error(ErrorCode::Usage, "make a tensor: a dimension is negative");
    if (size == 0) empty = true;
  }
  if (empty) return 0;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(size), &count) ||
        count > std::numeric_limits<std::size_t>::max() / 32) {
      throw Error(ErrorCode::Usage, "make a tensor: its shape has too many elements");
    }
  }
  return count;
}

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

Tensor Tensor::zeros(DType dtype, std::vector<std::int64_t> shape) {
  const std::size_t bytes = checked_count(shape) * item_bytes(dtype);
  std::shared_ptr<std::byte[]> memory(new std::byte[bytes == 0 ? 1 : bytes]());
  std::byte* data = memory.get();
  return Tensor(dtype, std::move(shape), std::move(memory), data);
}

void copy_items(const Tensor& tensor, const void* data, std::size_t bytes) {
  if (bytes != tensor.bytes()) {
    throw Error(ErrorCode::Usage, "fill a tensor of " + std::to_string(tensor.bytes()) +
                                      " bytes: " + std::to_string(bytes) +
                                      " were given; the shape does not fit the items");
  }
  if (bytes != 0) std::memcpy(tensor.data(), data, bytes);
}

}  // namespace hubcell

// A tensor as hubcell carries it: a dtype, a shape, and contiguous bytes in row-major order. No torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace hubcell {

// Numbers are on the wire: append, never reorder.
enum class DType : std::uint8_t {
  Bool = 0,
  UInt8 = 1,
  Int8 = 2,
  Int16 = 3,
  Int32 = 4,
  Int64 = 5,
  Float16 = 6,
  BFloat16 = 7,
  Float32 = 8,
  Float64 = 9,
  Complex64 = 10,
  Complex128 = 11,
};
inline constexpr DType kDTypeLast = DType::Complex128;

std::size_t item_bytes(DType dtype);
// torch's name without "torch.": "float32".
std::string_view name(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

// Shares its memory: copies of a Tensor see the same elements. `owner` keeps `data` alive; for an answer of a
// worker it is the lease of a block of shared memory, given back when the last copy is gone.
class Tensor {
 public:
  Tensor() = default;
  // Borrowed or owned memory of `item_bytes(dtype) * product(shape)` bytes. Throws Error(Usage) on a negative
  // size.
  Tensor(DType dtype, std::vector<std::int64_t> shape, std::shared_ptr<void> owner, void* data);
  // New zeroed memory.
  static Tensor zeros(DType dtype, std::vector<std::int64_t> shape);
  template <typename Item>
  static Tensor of(DType dtype, std::vector<std::int64_t> shape, const std::vector<Item>& items);

  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return count_ * item_bytes(dtype_); }
  std::byte* data() const { return data_; }
  template <typename Item>
  Item* items() const {
    return reinterpret_cast<Item*>(data_);
  }
  const std::shared_ptr<void>& owner() const { return owner_; }

 private:
  DType dtype_ = DType::Float32;
  std::vector<std::int64_t> shape_{0};
  std::size_t count_ = 0;
  std::shared_ptr<void> owner_;
  std::byte* data_ = nullptr;
};

// Copies `bytes` from `data` into `tensor`, whose size must be equal: Error(Usage).
void copy_items(const Tensor& tensor, const void* data, std::size_t bytes);

template <typename Item>
Tensor Tensor::of(DType dtype, std::vector<std::int64_t> shape, const std::vector<Item>& items) {
  Tensor tensor = zeros(dtype, std::move(shape));
  copy_items(tensor, items.data(), items.size() * sizeof(Item));
  return tensor;
}

}  // namespace hubcell

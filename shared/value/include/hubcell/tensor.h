// A tensor as hubcell carries it: a dtype, a shape, strides, and memory that somebody owns. No torch.
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
  Complex32 = 12,
  UInt16 = 13,
  UInt32 = 14,
  UInt64 = 15,
  Float8E4M3Fn = 16,
  Float8E5M2 = 17,
  Float8E4M3FnUz = 18,
  Float8E5M2FnUz = 19,
  Float8E8M0FnU = 20,
};
inline constexpr DType kDTypeLast = DType::Float8E8M0FnU;

std::size_t item_bytes(DType dtype);
// torch's name without "torch.": "float32".
std::string_view name(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

// Shares its memory: copies of a Tensor see the same elements. `owner` keeps `data` alive; for an answer of a
// worker it is the lease of a block of shared memory, given back when the last copy is gone.
class Tensor {
 public:
  Tensor() = default;
  // Contiguous: row-major elements in borrowed or owned memory of `item_bytes(dtype) * product(shape)` bytes.
  // Throws Error(Usage) on a negative size.
  Tensor(DType dtype, std::vector<std::int64_t> shape, std::shared_ptr<void> owner, void* data);
  // Neighbours along dimension i lie `strides[i]` elements apart (none of them negative), from the first one,
  // `data`, on. A stride of 0 repeats an element, as torch's expand does. Throws Error(Usage).
  static Tensor strided(DType dtype, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
                        std::shared_ptr<void> owner, void* data);
  // New zeroed memory. Error(System) when the system has none.
  static Tensor zeros(DType dtype, std::vector<std::int64_t> shape);
  template <typename Item>
  static Tensor of(DType dtype, std::vector<std::int64_t> shape, const std::vector<Item>& items);

  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  // In elements; of a contiguous tensor those of row-major order.
  std::vector<std::int64_t> strides() const;
  bool is_contiguous() const { return strides_.empty(); }
  // Itself, or a copy in row-major order.
  Tensor contiguous() const;
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return count_ * item_bytes(dtype_); }
  // From the first element to the end of the last one in memory.
  std::size_t extent_bytes() const;
  // The first element.
  std::byte* data() const { return data_; }
  // All elements in row-major order: of a contiguous tensor only, else Error(Usage).
  template <typename Item>
  Item* items() const {
    if (!is_contiguous()) throw_not_contiguous();
    return reinterpret_cast<Item*>(data_);
  }
  const std::shared_ptr<void>& owner() const { return owner_; }

  // What torch knows of it beside its elements: whether gradients are wanted, and whether it is a
  // torch.nn.Parameter.
  bool requires_grad() const { return requires_grad_; }
  bool is_parameter() const { return is_parameter_; }
  Tensor with_grad(bool requires_grad, bool is_parameter = false) const;

 private:
  [[noreturn]] static void throw_not_contiguous();

  DType dtype_ = DType::Float32;
  bool requires_grad_ = false;
  bool is_parameter_ = false;
  std::vector<std::int64_t> shape_{0};
  std::vector<std::int64_t> strides_;  // empty: contiguous
  std::size_t count_ = 0;
  std::shared_ptr<void> owner_;
  std::byte* data_ = nullptr;
};

// Copies `bytes` from `data` into the contiguous `tensor`, whose size must be equal: Error(Usage).
void copy_items(const Tensor& tensor, const void* data, std::size_t bytes);
// Whether the elements of two tensors of equal shape lie without gaps, and in the same order, so that one memcpy copies them.
bool is_one_piece(const Tensor& from, const Tensor& to);
// Copies element by element between tensors of equal dtype and shape, of any strides.
void copy_elements(const Tensor& from, const Tensor& to);

template <typename Item>
Tensor Tensor::of(DType dtype, std::vector<std::int64_t> shape, const std::vector<Item>& items) {
  Tensor tensor = zeros(dtype, std::move(shape));
  copy_items(tensor, items.data(), items.size() * sizeof(Item));
  return tensor;
}

}  // namespace hubcell

#include "tools/compare/numbers/element_views.h"

#include <algorithm>
#include <complex>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "tools/compare/numbers/repr.h"

namespace hubcell::compare {
namespace {

constexpr std::uint64_t kPaletteWorkMax = 4096;

template <typename Number>
constexpr DType kDTypeOf = std::is_same_v<Number, bool>           ? DType::Bool
                           : std::is_same_v<Number, std::int64_t> ? DType::Int64
                           : std::is_same_v<Number, double>       ? DType::Float64
                                                                  : DType::Complex128;

template <typename Number>
Tensor tensor_of(std::span<const Value> items, std::vector<std::int64_t> shape) {
  Tensor tensor = Tensor::zeros(kDTypeOf<Number>, std::move(shape));
  std::ranges::transform(items, tensor.items<Number>(), [](const Value& item) { return item.as<Number>(); });
  return tensor;
}

template <typename Number>
std::optional<Tensor> numbers_of_kind(std::span<const Value> items) {
  if (!std::ranges::all_of(items, [](const Value& item) { return item.is<Number>(); })) return std::nullopt;
  return tensor_of<Number>(items, {static_cast<std::int64_t>(items.size())});
}

// Its bytes count as the numbers that they are, in rows, where a mode has one type for them and they are as many as it says; else
// as they came. Nobody checked a worker's width and height.
Tensor pixels_of(const Image& image) {
  const Tensor& bytes = image.pixels;
  const DType dtype = image.mode == "F" ? DType::Float32 : image.mode == "I" ? DType::Int32 : DType::UInt8;
  const auto count = static_cast<std::int64_t>(bytes.bytes() / item_bytes(dtype));
  std::int64_t area = 0;
  if (bytes.dtype() != DType::UInt8 || !bytes.is_contiguous() || image.width <= 0 || image.height <= 0 ||
      __builtin_mul_overflow(image.width, image.height, &area) || count < area || count % area != 0 ||
      static_cast<std::size_t>(count) * item_bytes(dtype) != bytes.bytes())
    return bytes;
  std::vector<std::int64_t> shape{image.height, image.width};
  if (count != area) shape.push_back(count / area);
  return Tensor(dtype, std::move(shape), bytes.owner(), bytes.data());
}

std::string form_of(const Image& image) {
  std::string form = Value(image).describe();
  if (image.palette_mode.empty()) return form;
  std::uint64_t work = 0;
  return form + " with the palette " + image.palette_mode + " " +
         identity_text(image.palette, work, kPaletteWorkMax);
}

struct MakeElements {
  const Value& value;

  template <typename Number>
  Elements number() const {
    return {tensor_of<Number>({&value, 1}, {}), "a number"};
  }
  std::optional<Elements> operator()(bool) const { return number<bool>(); }
  std::optional<Elements> operator()(std::int64_t) const { return number<std::int64_t>(); }
  std::optional<Elements> operator()(double) const { return number<double>(); }
  std::optional<Elements> operator()(const std::complex<double>&) const {
    return number<std::complex<double>>();
  }
  std::optional<Elements> operator()(const Scalar& scalar) const {
    const Tensor tensor = Tensor::zeros(scalar.dtype, {});
    std::memcpy(tensor.data(), scalar.bytes.data(), tensor.bytes());
    return Elements{tensor, "a numpy scalar"};
  }
  std::optional<Elements> operator()(const Tensor& tensor) const { return Elements{tensor, "a tensor"}; }
  std::optional<Elements> operator()(const Array& array) const {
    return Elements{array.elements, "a numpy array"};
  }
  std::optional<Elements> operator()(const Image& image) const {
    return Elements{pixels_of(image), form_of(image)};
  }
  std::optional<Elements> operator()(const File& file) const {
    return Elements{file.content, Value(file).describe()};
  }
  template <typename Other>
  std::optional<Elements> operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::optional<Elements> elements_of(const Value& value) {
  return value.visit(MakeElements{value});
}

std::optional<Tensor> numbers_of(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  if (items[0].is<bool>()) return numbers_of_kind<bool>(items);
  if (items[0].is<std::int64_t>()) return numbers_of_kind<std::int64_t>(items);
  if (items[0].is<double>()) return numbers_of_kind<double>(items);
  if (items[0].is<std::complex<double>>()) return numbers_of_kind<std::complex<double>>(items);
  return std::nullopt;
}

}  // namespace hubcell::compare

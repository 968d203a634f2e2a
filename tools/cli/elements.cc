#include "tools/cli/elements.h"

#include <openssl/evp.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <hubcell/error.h>
#include <hubcell/value.h>

#include "shared/base/check.h"

namespace hubcell::cli {
namespace {

constexpr std::size_t kRepeatedBytesMax = std::size_t{1} << 30;

// IEEE binary16: 1 sign, 5 exponent and 10 fraction bits.
double float_of_half(std::uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  if (exponent == 0x1f) return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 0x400, exponent - 25);
}

// The upper half of a float32.
double float_of_bfloat16(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

// A float of 8 bits: sign, `kExponentBits`, the rest fraction; torch's float8_e4m3fn and its like. Only e5m2 has infinities;
// the "uz" ones have one zero and one NaN, 0x80, and their exponents are one lower.
double float_of_8_bits(std::uint8_t bits, int exponent_bits, bool has_one_zero, bool has_infinity) {
  const int fraction_bits = 7 - exponent_bits;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - (has_one_zero ? 0 : 1);
  const double sign = (bits & 0x80) != 0 ? -1 : 1;
  const bool is_last_exponent = exponent == (1 << exponent_bits) - 1;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (has_one_zero && bits == 0x80) return kNan;
  if (has_infinity && is_last_exponent) return fraction != 0 ? kNan : sign * HUGE_VAL;
  if (!has_one_zero && is_last_exponent && fraction == (1 << fraction_bits) - 1) return kNan;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

template <int kExponentBits, bool kHasOneZero>
struct Float8 {
  std::uint8_t bits;
  explicit operator double() const {
    return float_of_8_bits(bits, kExponentBits, kHasOneZero, kExponentBits == 5 && !kHasOneZero);
  }
};
// A power of two: its exponent, 127 added; 0xff is NaN.
struct Float8Exponent {
  std::uint8_t bits;
  explicit operator double() const {
    return bits == 0xff ? std::numeric_limits<double>::quiet_NaN() : std::ldexp(1.0, bits - 127);
  }
};

struct Half {
  std::uint16_t bits;
  explicit operator double() const { return float_of_half(bits); }
};
struct BFloat16 {
  std::uint16_t bits;
  explicit operator double() const { return float_of_bfloat16(bits); }
};
struct ComplexHalf {
  Half real, imag;
  explicit operator std::complex<double>() const { return {double(real), double(imag)}; }
};

// Calls `work` with a pointer to the first element, in its own type. Bools come as bytes.
template <typename Work>
decltype(auto) with_items(const Tensor& tensor, Work work) {
  switch (tensor.dtype()) {
    case DType::Bool:
    case DType::UInt8:
      return work(tensor.items<const std::uint8_t>());
    case DType::Int8:
      return work(tensor.items<const std::int8_t>());
    case DType::Int16:
      return work(tensor.items<const std::int16_t>());
    case DType::Int32:
      return work(tensor.items<const std::int32_t>());
    case DType::Int64:
      return work(tensor.items<const std::int64_t>());
    case DType::Float16:
      return work(tensor.items<const Half>());
    case DType::BFloat16:
      return work(tensor.items<const BFloat16>());
    case DType::Float32:
      return work(tensor.items<const float>());
    case DType::Float64:
      return work(tensor.items<const double>());
    case DType::Complex64:
      return work(tensor.items<const std::complex<float>>());
    case DType::Complex128:
      return work(tensor.items<const std::complex<double>>());
    case DType::Complex32:
      return work(tensor.items<const ComplexHalf>());
    case DType::UInt16:
      return work(tensor.items<const std::uint16_t>());
    case DType::UInt32:
      return work(tensor.items<const std::uint32_t>());
    case DType::UInt64:
      return work(tensor.items<const std::uint64_t>());
    case DType::Float8E4M3Fn:
      return work(tensor.items<const Float8<4, false>>());
    case DType::Float8E5M2:
      return work(tensor.items<const Float8<5, false>>());
    case DType::Float8E4M3FnUz:
      return work(tensor.items<const Float8<4, true>>());
    case DType::Float8E5M2FnUz:
      return work(tensor.items<const Float8<5, true>>());
    case DType::Float8E8M0FnU:
      return work(tensor.items<const Float8Exponent>());
  }
  HUBCELL_CHECK(false && "every dtype has a case");
  __builtin_unreachable();
}

template <typename Item>
constexpr bool kIsComplex = std::is_same_v<Item, std::complex<float>> ||
                            std::is_same_v<Item, std::complex<double>> || std::is_same_v<Item, ComplexHalf>;

template <typename Item>
auto widen(const Item& item) {
  if constexpr (kIsComplex<Item>) {
    return std::complex<double>(item);
  } else if constexpr (std::is_same_v<Item, std::uint64_t>) {
    return static_cast<double>(item);  // its upper half has no place in an int64
  } else if constexpr (std::is_integral_v<Item>) {
    return static_cast<std::int64_t>(item);
  } else {
    return static_cast<double>(item);
  }
}

template <typename Wide>
struct Extremes {
  Wide min, max;
};

// NaN wins over every number, as in torch.
template <typename Item, typename Wide = decltype(widen(std::declval<Item>()))>
Extremes<Wide> extremes(const Item* items, std::size_t count) {
  Extremes<Wide> found{widen(items[0]), widen(items[0])};
  for (std::size_t i = 1; i < count; ++i) {
    const Wide item = widen(items[i]);
    if (!(item >= found.min) && found.min == found.min) found.min = item;
    if (!(item <= found.max) && found.max == found.max) found.max = item;
  }
  return found;
}

template <typename Item>
auto sum_of(const Item* items, std::size_t count) {
  using Wide = decltype(widen(items[0]));
  if constexpr (std::is_same_v<Wide, std::int64_t>) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sum += static_cast<std::uint64_t>(widen(items[i]));
    return static_cast<std::int64_t>(sum);
  } else {
    Wide sum{};
    for (std::size_t i = 0; i < count; ++i)
      sum += widen(items[i]);
    return sum;
  }
}

template <typename Item>
Summary summarize_items(const Item* items, std::size_t count) {
  Summary summary;
  const auto sum = sum_of(items, count);
  summary.sum = sum;
  if constexpr (kIsComplex<Item>) {
    summary.mean = sum / static_cast<double>(count);
  } else {
    summary.mean = static_cast<double>(sum) / static_cast<double>(count);
    summary.has_extremes = count != 0;
    if (count == 0) {
      summary.mean = std::numeric_limits<double>::quiet_NaN();  // 0/0 has a sign
      return summary;
    }
    const auto found = extremes(items, count);
    summary.min = found.min;
    summary.max = found.max;
  }
  return summary;
}

}  // namespace

Tensor in_row_major_order(const Tensor& tensor) {
  if (tensor.bytes() > tensor.extent_bytes() && tensor.bytes() > kRepeatedBytesMax) {
    throw Error(ErrorCode::Usage, "show " + Value(tensor).describe() + ": it repeats " +
                                      std::to_string(tensor.extent_bytes()) + " bytes to " +
                                      std::to_string(tensor.bytes()) + "; let the model answer with less");
  }
  return tensor.contiguous();
}

Number element(const Tensor& tensor, std::size_t index) {
  const Number number = with_items(tensor, [&](const auto* items) { return Number(widen(items[index])); });
  return tensor.dtype() == DType::Bool ? Number(std::get<std::int64_t>(number) != 0) : number;
}

Number number_of(const Scalar& scalar) {
  Scalar copy = scalar;
  return element(Tensor(copy.dtype, {1}, nullptr, copy.bytes.data()), 0);
}

double real_part(const Number& number) {
  if (const auto* flag = std::get_if<bool>(&number)) return *flag ? 1 : 0;
  if (const auto* integer = std::get_if<std::int64_t>(&number)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&number)) return *real;
  return std::get<std::complex<double>>(number).real();
}

Summary summarize(const Tensor& tensor) {
  Summary summary =
      with_items(tensor, [&](const auto* items) { return summarize_items(items, tensor.count()); });
  if (tensor.dtype() == DType::Bool && summary.has_extremes) {
    summary.min = std::get<std::int64_t>(summary.min) != 0;
    summary.max = std::get<std::int64_t>(summary.max) != 0;
  }
  return summary;
}

std::string sha256(const void* data, std::size_t bytes) {
  std::array<unsigned char, 32> digest{};
  HUBCELL_CHECK(EVP_Digest(data, bytes, digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace hubcell::cli

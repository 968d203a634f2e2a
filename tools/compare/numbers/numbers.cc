#include "tools/compare/numbers/numbers.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "shared/base/check.h"

namespace hubcell::compare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 2 to the `exponent`, which is one of a normal double.
constexpr double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// Each format names the unsigned integer of its bits, and tells which number they are.

template <typename Integer>
struct IntegerFormat {
  using Bits = Integer;
  static double number(Integer bits) { return static_cast<double>(bits); }
};

// A worker's bool may be any byte.
struct BoolFormat {
  using Bits = std::uint8_t;
  static double number(Bits bits) { return bits != 0 ? 1 : 0; }
};

template <typename Float, typename Unsigned>
struct NativeFormat {
  using Bits = Unsigned;
  static double number(Bits bits) { return static_cast<double>(std::bit_cast<Float>(bits)); }
};

// The upper half of a float32.
struct BFloat16Format {
  using Bits = std::uint16_t;
  static double number(Bits bits) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
  }
};

// IEEE binary16. Its numbers are made as doubles at once, none of which is subnormal: a process that flushes those to zero
// reads the same.
struct Float16Format {
  using Bits = std::uint16_t;
  static double number(Bits bits) {
    const std::uint64_t sign = static_cast<std::uint64_t>(bits & 0x8000) << 48;
    const std::uint64_t exponent = bits >> 10 & 0x1f;
    const std::uint64_t fraction = bits & 0x3ff;
    const double subnormal = static_cast<double>(fraction) * power_of_two(-24);
    const std::uint64_t wide_exponent = exponent == 0x1f ? 0x7ff : exponent + 1023 - 15;
    const std::uint64_t normal = wide_exponent << 52 | fraction << 42;
    const std::uint64_t magnitude = exponent == 0 ? std::bit_cast<std::uint64_t>(subnormal) : normal;
    return std::bit_cast<double>(sign | magnitude);
  }
};

// A float of 8 bits: sign, exponent, the rest fraction; torch's float8_e4m3fn and its like. Only e5m2 has infinities; the "uz"
// ones have one zero and one NaN, 0x80, and their exponents are one lower.
constexpr double float_of_8_bits(unsigned bits, int exponent_bits, bool has_one_zero) {
  const int fraction_bits = 7 - exponent_bits;
  const int exponent_max = (1 << exponent_bits) - 1, fraction_max = (1 << fraction_bits) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & exponent_max;
  const int fraction = static_cast<int>(bits) & fraction_max;
  const int bias = (1 << (exponent_bits - 1)) - (has_one_zero ? 0 : 1);
  const double sign = (bits & 0x80) != 0 ? -1 : 1;
  if (has_one_zero && bits == 0x80) return kNan;
  if (!has_one_zero && exponent == exponent_max) {
    const bool has_infinity = exponent_bits == 5;
    if (has_infinity) return fraction != 0 ? kNan : sign * kInfinity;
    if (fraction == fraction_max) return kNan;
  }
  if (exponent == 0) return sign * fraction * power_of_two(1 - bias - fraction_bits);
  return sign * (fraction + fraction_max + 1) * power_of_two(exponent - bias - fraction_bits);
}

// A power of two: its exponent, 127 added; 0xff is NaN.
constexpr double exponent_of_8_bits(unsigned bits) {
  return bits == 0xff ? kNan : power_of_two(static_cast<int>(bits) - 127);
}

template <typename Function>
constexpr std::array<double, 256> table_of(Function function) {
  std::array<double, 256> table{};
  for (unsigned bits = 0; bits < table.size(); ++bits)
    table[bits] = function(bits);
  return table;
}

template <int kExponentBits, bool kHasOneZero>
struct Float8Format {
  using Bits = std::uint8_t;
  static constexpr std::array<double, 256> kNumbers =
      table_of([](unsigned bits) { return float_of_8_bits(bits, kExponentBits, kHasOneZero); });
  static double number(Bits bits) { return kNumbers[bits]; }
};

struct ExponentFormat {
  using Bits = std::uint8_t;
  static constexpr std::array<double, 256> kNumbers = table_of(exponent_of_8_bits);
  static double number(Bits bits) { return kNumbers[bits]; }
};

// Calls `work` with a value of the format of the dtype's components.
template <typename Work>
decltype(auto) with_format(DType dtype, Work work) {
  switch (dtype) {
    case DType::Bool:
      return work(BoolFormat{});
    case DType::UInt8:
      return work(IntegerFormat<std::uint8_t>{});
    case DType::Int8:
      return work(IntegerFormat<std::int8_t>{});
    case DType::Int16:
      return work(IntegerFormat<std::int16_t>{});
    case DType::Int32:
      return work(IntegerFormat<std::int32_t>{});
    case DType::Int64:
      return work(IntegerFormat<std::int64_t>{});
    case DType::UInt16:
      return work(IntegerFormat<std::uint16_t>{});
    case DType::UInt32:
      return work(IntegerFormat<std::uint32_t>{});
    case DType::UInt64:
      return work(IntegerFormat<std::uint64_t>{});
    case DType::Float16:
    case DType::Complex32:
      return work(Float16Format{});
    case DType::BFloat16:
      return work(BFloat16Format{});
    case DType::Float32:
    case DType::Complex64:
      return work(NativeFormat<float, std::uint32_t>{});
    case DType::Float64:
    case DType::Complex128:
      return work(NativeFormat<double, std::uint64_t>{});
    case DType::Float8E4M3Fn:
      return work(Float8Format<4, false>{});
    case DType::Float8E5M2:
      return work(Float8Format<5, false>{});
    case DType::Float8E4M3FnUz:
      return work(Float8Format<4, true>{});
    case DType::Float8E5M2FnUz:
      return work(Float8Format<5, true>{});
    case DType::Float8E8M0FnU:
      return work(ExponentFormat{});
  }
  HUBCELL_CHECK(false && "every dtype has a case");
  __builtin_unreachable();
}

template <typename Bits>
Bits bits_at(const std::byte* raw, std::size_t index) {
  Bits bits;
  std::memcpy(&bits, raw + index * sizeof bits, sizeof bits);
  return bits;
}

// Formats but one keep sign and magnitude.
template <typename Format, typename Bits>
std::int64_t place_of(Bits bits) {
  if constexpr (std::is_same_v<Format, ExponentFormat>) {
    return bits;
  } else {
    constexpr Bits kSign = static_cast<Bits>(Bits{1} << (sizeof(Bits) * 8 - 1));
    const auto magnitude = static_cast<std::int64_t>(static_cast<Bits>(bits & static_cast<Bits>(~kSign)));
    return (bits & kSign) != 0 ? -magnitude : magnitude;
  }
}

}  // namespace

NumberKind number_kind(DType dtype) {
  switch (dtype) {
    case DType::Bool:
    case DType::UInt8:
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
    case DType::Int64:
    case DType::UInt16:
    case DType::UInt32:
    case DType::UInt64:
      return NumberKind::Integer;
    case DType::Complex32:
    case DType::Complex64:
    case DType::Complex128:
      return NumberKind::Complex;
    default:
      return NumberKind::Floating;
  }
}

std::size_t components(DType dtype) {
  return number_kind(dtype) == NumberKind::Complex ? 2 : 1;
}

void to_doubles(DType dtype, const std::byte* raw, std::span<double> into) {
  with_format(dtype, [&]<typename Format>(Format) {
    for (std::size_t i = 0; i < into.size(); ++i)
      into[i] = Format::number(bits_at<typename Format::Bits>(raw, i));
  });
}

void to_integers(DType dtype, const std::byte* raw, std::span<WideInteger> into) {
  HUBCELL_CHECK(number_kind(dtype) == NumberKind::Integer);
  with_format(dtype, [&]<typename Format>(Format) {
    for (std::size_t i = 0; i < into.size(); ++i) {
      const auto bits = bits_at<typename Format::Bits>(raw, i);
      into[i] = std::is_same_v<Format, BoolFormat> ? WideInteger{bits != 0} : WideInteger{bits};
    }
  });
}

void to_places(DType dtype, const std::byte* raw, std::span<std::int64_t> into) {
  HUBCELL_CHECK(number_kind(dtype) != NumberKind::Integer);
  with_format(dtype, [&]<typename Format>(Format) {
    for (std::size_t i = 0; i < into.size(); ++i)
      into[i] = place_of<Format>(bits_at<std::make_unsigned_t<typename Format::Bits>>(raw, i));
  });
}

}  // namespace hubcell::compare

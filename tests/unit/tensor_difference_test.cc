#include "tools/compare/numbers/tensor_difference.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <numeric>

#include "tools/compare/numbers/numbers.h"

namespace hubcell::compare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kNanFloat = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinityFloat = std::numeric_limits<float>::infinity();

Tensor floats(const std::vector<float>& items) {
  return Tensor::of(DType::Float32, {static_cast<std::int64_t>(items.size())}, items);
}
Tensor doubles(const std::vector<double>& items) {
  return Tensor::of(DType::Float64, {static_cast<std::int64_t>(items.size())}, items);
}
template <typename Item>
Tensor single(DType dtype, Item item) {
  return Tensor::of(dtype, {}, std::vector<Item>{item});
}

TensorDifference difference(const Tensor& a, const Tensor& b, const Tolerance& tolerance = {}) {
  return tensor_difference(a, b, tolerance);
}

TEST(TensorDifference, FiguresAreThoseWorkedOutByHand) {
  const auto found = difference(doubles({1, 2, -4, 0}), doubles({1, 2.5, -2, 0}));
  EXPECT_FALSE(found.equal);
  EXPECT_FALSE(found.within);
  EXPECT_EQ(found.count, 4u);
  EXPECT_EQ(found.finite, 4u);
  EXPECT_EQ(found.outside, 2u);
  EXPECT_EQ(found.max_abs, 2);
  EXPECT_EQ(found.mean_abs, 2.5 / 4);
  EXPECT_EQ(found.max_rel, 0.5);
  EXPECT_DOUBLE_EQ(found.mean_rel, (0.2 + 0.5) / 4);
  EXPECT_EQ(found.worst, std::vector<std::int64_t>{2});
  EXPECT_EQ(found.worst_values, (std::array<double, 2>{-4, -2}));
  EXPECT_DOUBLE_EQ(*found.cosine, (1 + 5 + 8) / std::sqrt(21.0 * (1 + 6.25 + 4)));
  EXPECT_EQ(found.dtype, (std::array<std::string, 2>{"float64", "float64"}));
}

TEST(TensorDifference, EqualTensorsAreEqualOfEveryDtype) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(kDTypeLast); ++i) {
    const auto dtype = static_cast<DType>(i);
    const Tensor tensor = Tensor::zeros(dtype, {3, 5});
    std::memset(tensor.data(), 0x35, tensor.bytes());
    const auto found = difference(tensor, tensor);
    EXPECT_TRUE(found.equal) << name(dtype);
    EXPECT_TRUE(found.within);
    EXPECT_EQ(found.finite, 15u);
    EXPECT_EQ(found.max_abs, 0);
    EXPECT_TRUE(found.worst.empty());
    EXPECT_EQ(found.max_ulp.has_value(), number_kind(dtype) != NumberKind::Integer) << name(dtype);
    ASSERT_TRUE(found.cosine) << name(dtype);
    EXPECT_NEAR(*found.cosine, 1, 1e-15);
  }
}

// The bits of 1 and of the number after it, by dtype.
struct OneAndNext {
  DType dtype;
  std::uint64_t one;
  double step;
};

TEST(TensorDifference, NeighboursOfOneAreOneUlpApartOfEveryFloatingDtype) {
  const OneAndNext cases[] = {
      {DType::Float16, 0x3c00, 0x1p-10},     {DType::BFloat16, 0x3f80, 0x1p-7},
      {DType::Float32, 0x3f800000, 0x1p-23}, {DType::Float64, 0x3ff0000000000000, 0x1p-52},
      {DType::Float8E4M3Fn, 0x38, 0x1p-3},   {DType::Float8E5M2, 0x3c, 0x1p-2},
      {DType::Float8E4M3FnUz, 0x40, 0x1p-3}, {DType::Float8E5M2FnUz, 0x40, 0x1p-2},
      {DType::Float8E8M0FnU, 0x7f, 1}};
  for (const auto& [dtype, one, step] : cases) {
    const Tensor a = Tensor::zeros(dtype, {1}), b = Tensor::zeros(dtype, {1});
    const std::uint64_t next = one + 1;
    std::memcpy(a.data(), &one, a.bytes());
    std::memcpy(b.data(), &next, b.bytes());
    const auto found = difference(a, b);
    EXPECT_EQ(found.max_ulp, 1u) << name(dtype);
    EXPECT_EQ(found.max_abs, step) << name(dtype);
    EXPECT_EQ(found.worst_values, (std::array<double, 2>{1, 1 + step})) << name(dtype);
  }
}

TEST(TensorDifference, UlpsCountAcrossZero) {
  const float least = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(difference(floats({-least}), floats({least})).max_ulp, 2u);
  const auto zeros = difference(floats({-0.0f}), floats({0.0f}));
  EXPECT_EQ(zeros.max_ulp, 0u);
  EXPECT_TRUE(zeros.equal);
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(difference(doubles({-most}), doubles({most})).max_ulp, 2 * 0x7fefffffffffffffu);
}

TEST(TensorDifference, EveryFloat16IsTheNumberThatItsFormatSays) {
  std::vector<std::uint16_t> bits(0x10000);
  std::iota(bits.begin(), bits.end(), std::uint16_t{0});
  std::vector<double> numbers(bits.size());
  to_doubles(DType::Float16, reinterpret_cast<const std::byte*>(bits.data()), numbers);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const int exponent = static_cast<int>(i >> 10 & 0x1f), fraction = static_cast<int>(i & 0x3ff);
    const double magnitude = exponent == 31  ? (fraction != 0 ? kNan : kInfinity)
                             : exponent == 0 ? std::ldexp(fraction, -24)
                                             : std::ldexp(1024 + fraction, exponent - 25);
    const double expected = (i & 0x8000) != 0 ? -magnitude : magnitude;
    ASSERT_TRUE(numbers[i] == expected || (std::isnan(numbers[i]) && std::isnan(expected))) << i;
  }
}

TEST(TensorDifference, NanIsEqualToNanAndAnInfinityToItsOwnSign) {
  const Tensor tensor = floats({kNanFloat, kInfinityFloat, -kInfinityFloat, 1});
  const auto found = difference(tensor, tensor);
  EXPECT_TRUE(found.equal);
  EXPECT_TRUE(found.within);
  EXPECT_EQ(found.nan, (std::array<std::uint64_t, 2>{1, 1}));
  EXPECT_EQ(found.infinite, (std::array<std::uint64_t, 2>{2, 2}));
  EXPECT_EQ(found.finite, 1u);
  EXPECT_EQ(found.max_abs, 0);
  EXPECT_EQ(found.max_ulp, 0u);
  EXPECT_DOUBLE_EQ(*found.cosine, 1);
}

TEST(TensorDifference, APairThatIsNotFiniteIsInfinitelyFarApartAndInNoMean) {
  const auto found =
      difference(floats({1, kInfinityFloat, kNanFloat, 4, 2}), floats({kNanFloat, -kInfinityFloat, 3, 4, 3}));
  EXPECT_FALSE(found.equal);
  EXPECT_EQ(found.outside, 4u);
  EXPECT_EQ(found.max_abs, kInfinity);
  EXPECT_EQ(found.max_rel, kInfinity);
  EXPECT_EQ(found.finite, 2u);
  EXPECT_EQ(found.mean_abs, 0.5);
  EXPECT_EQ(found.mean_rel, 1.0 / 6);
  EXPECT_EQ(found.max_ulp, 0x00400000u);
  EXPECT_DOUBLE_EQ(*found.cosine, 22 / std::sqrt(20.0 * 25));
  EXPECT_EQ(found.nan, (std::array<std::uint64_t, 2>{1, 1}));
  EXPECT_EQ(found.infinite, (std::array<std::uint64_t, 2>{1, 1}));
  EXPECT_EQ(found.worst, std::vector<std::int64_t>{0});
  EXPECT_EQ(found.worst_values[0], 1);
  EXPECT_TRUE(std::isnan(found.worst_values[1]));
}

TEST(TensorDifference, WithoutAFinitePairThereAreNoUlpsAndNoCosine) {
  const auto found = difference(floats({kNanFloat}), floats({1}));
  EXPECT_EQ(found.max_ulp, std::nullopt);
  EXPECT_EQ(found.cosine, std::nullopt);
  EXPECT_EQ(found.mean_abs, 0);
}

TEST(TensorDifference, ToleranceIsThatOfAllclose) {
  const Tolerance tolerance{.rtol = 0.5, .atol = 1};
  EXPECT_TRUE(difference(doubles({4}), doubles({7}), tolerance).within);  // 3 <= 1 + 0.5 * 4
  EXPECT_FALSE(difference(doubles({4}), doubles({7.5}), tolerance).within);
  EXPECT_FALSE(difference(doubles({7.5}), doubles({-4}), tolerance).within);
  EXPECT_FALSE(difference(doubles({kInfinity}), doubles({1}), tolerance).within);
  EXPECT_FALSE(difference(doubles({1}), doubles({kNan}), {.rtol = kInfinity, .atol = kInfinity}).within);
}

TEST(TensorDifference, DoublesThatOverflowWhenSubtractedHaveARelativeDifference) {
  const double most = std::numeric_limits<double>::max();
  const auto found = difference(doubles({most, 1}), doubles({-most, 1}));
  EXPECT_EQ(found.max_abs, kInfinity);
  EXPECT_EQ(found.max_rel, 2);
  EXPECT_EQ(found.finite, 2u);
  EXPECT_EQ(found.mean_rel, 1);
  EXPECT_FALSE(found.within);
}

TEST(TensorDifference, CosineNeitherOverflowsNorVanishes) {
  EXPECT_DOUBLE_EQ(*difference(doubles({1e300, 0}), doubles({1e300, 1e300})).cosine, std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(*difference(doubles({1e-300, 0}), doubles({1e-300, 1e-300})).cosine, std::sqrt(0.5));
  std::vector<double> growing(2000, 1e-200);
  growing.back() = 1e200;
  EXPECT_DOUBLE_EQ(*difference(doubles(growing), doubles(growing)).cosine, 1);
  EXPECT_DOUBLE_EQ(*difference(doubles({1, 2}), doubles({-1, -2})).cosine, -1);
  EXPECT_EQ(difference(doubles({0, 0}), doubles({1, 2})).cosine, std::nullopt);
}

TEST(TensorDifference, IntegersAreExactBeyondThePrecisionOfDoubles) {
  const std::int64_t large = std::int64_t{1} << 53;
  const auto next =
      difference(single(DType::Int64, large), single(DType::Int64, large + 1), {.rtol = 0, .atol = 0});
  EXPECT_FALSE(next.equal);
  EXPECT_FALSE(next.within);
  EXPECT_EQ(next.max_abs, 1);
  EXPECT_EQ(next.max_ulp, std::nullopt);
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(difference(single(DType::UInt64, most), single(DType::UInt64, most - 1)).max_abs, 1);
  EXPECT_EQ(difference(single(DType::Int64, std::numeric_limits<std::int64_t>::min()),
                       single(DType::Int64, std::numeric_limits<std::int64_t>::max()))
                .max_abs,
            0x1p64);
  const auto mixed = difference(single(DType::Int64, std::int64_t{-1}), single(DType::UInt64, most));
  EXPECT_EQ(mixed.max_abs, 0x1p64);
  EXPECT_FALSE(mixed.equal);
}

TEST(TensorDifference, OtherDtypesAreComparedAsNumbersButNotEqual) {
  const auto found =
      difference(floats({1, 2}), Tensor::of(DType::Float16, {2}, std::vector<std::uint16_t>{0x3c00, 0x4000}));
  EXPECT_FALSE(found.equal);
  EXPECT_TRUE(found.within);
  EXPECT_EQ(found.max_abs, 0);
  EXPECT_EQ(found.max_ulp, std::nullopt);
  const auto complex = difference(
      Tensor::of(DType::Complex64, {2}, std::vector<std::complex<float>>{{1, 0}, {2, 3}}), floats({1, 2}));
  EXPECT_EQ(complex.max_abs, 3);
}

TEST(TensorDifference, AnyByteOtherThanZeroIsTrue) {
  const Tensor odd = Tensor::of(DType::Bool, {2}, std::vector<std::uint8_t>{2, 0});
  const Tensor plain = Tensor::of(DType::Bool, {2}, std::vector<std::uint8_t>{1, 0});
  EXPECT_TRUE(difference(odd, plain).equal);
}

TEST(TensorDifference, ComplexNumbersDifferByTheirModulus) {
  using Complex = std::complex<double>;
  const auto of = [](const std::vector<Complex>& items) {
    return Tensor::of(DType::Complex128, {static_cast<std::int64_t>(items.size())}, items);
  };
  const auto found = difference(of({{3, 4}, {0, 0}}), of({{0, 0}, {0, 0}}));
  EXPECT_EQ(found.max_abs, 5);
  EXPECT_EQ(found.max_rel, 1);
  EXPECT_EQ(found.worst_values, (std::array<double, 2>{5, 0}));
  EXPECT_EQ(difference(of({{1, 0}}), of({{0, 1}})).cosine, 0);
  EXPECT_EQ(difference(of({{1, 1}}), of({{1, std::nextafter(1, 2)}})).max_ulp, 1u);
  EXPECT_TRUE(difference(of({{kNan, 1}}), of({{kNan, 1}})).equal);
  EXPECT_EQ(difference(of({{kNan, 1}}), of({{kNan, 2}})).max_abs, kInfinity);
  EXPECT_EQ(difference(of({{kNan, kInfinity}}), of({{1, kInfinity}})).nan,
            (std::array<std::uint64_t, 2>{1, 0}));
}

TEST(TensorDifference, TakesTensorsWithoutElementsAndWithoutDimensions) {
  const auto empty = difference(Tensor::zeros(DType::Float32, {0, 3}), Tensor::zeros(DType::Float32, {0, 3}));
  EXPECT_TRUE(empty.equal);
  EXPECT_TRUE(empty.within);
  EXPECT_EQ(empty.count, 0u);
  EXPECT_EQ(empty.max_ulp, std::nullopt);
  const auto scalar = difference(single(DType::Float32, 1.0f), single(DType::Float32, 3.0f));
  EXPECT_EQ(scalar.max_abs, 2);
  EXPECT_TRUE(scalar.shape.empty());
}

TEST(TensorDifference, ReadsElementsInTheOrderOfTheirIndicesWhateverTheStrides) {
  std::vector<double> rows(6 * 700), columns(6 * 700);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t k = 0; k < 700; ++k)
      rows[i * 700 + k] = columns[k * 6 + i] = static_cast<double>(i * 1000 + k);
  const Tensor a = Tensor::of(DType::Float64, {6, 700}, rows);
  const Tensor stored = Tensor::of(DType::Float64, {700, 6}, columns);
  const Tensor b = Tensor::strided(DType::Float64, {6, 700}, {1, 6}, stored.owner(), stored.data());
  EXPECT_TRUE(difference(a, b).equal);
  stored.items<double>()[699 * 6 + 4] += 10;
  const auto found = difference(a, b);
  EXPECT_EQ(found.worst, (std::vector<std::int64_t>{4, 699}));
  EXPECT_EQ(found.max_abs, 10);
  EXPECT_EQ(found.outside, 1u);
}

TEST(TensorDifference, RepeatedElementsCountAsOftenAsTheyAreRepeated) {
  const Tensor one = floats({1, 2});
  const Tensor repeated = Tensor::strided(DType::Float32, {3, 2, 2}, {0, 1, 0}, one.owner(), one.data());
  const auto found = difference(repeated, Tensor::of(DType::Float32, {3, 2, 2},
                                                     std::vector<float>{1, 1, 2, 2, 1, 1, 2, 3, 1, 1, 2, 2}));
  EXPECT_EQ(found.outside, 1u);
  EXPECT_EQ(found.worst, (std::vector<std::int64_t>{1, 1, 1}));
}

TEST(TensorDifference, MeansOfManyBlocksAreThoseOfAllElements) {
  std::vector<float> a(100'003), b(100'003);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i % 977);
    b[i] = a[i] + static_cast<float>(i % 3);
    sum += static_cast<double>(i % 3);
  }
  const auto found = difference(floats(a), floats(b));
  EXPECT_DOUBLE_EQ(found.mean_abs, sum / 100'003);
  EXPECT_EQ(found.max_abs, 2);
  EXPECT_EQ(found.worst, std::vector<std::int64_t>{2});
}

}  // namespace
}  // namespace hubcell::compare

#include "tools/compare/differences.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <numeric>

#include "tools/compare/numbers.h"
#include "tools/compare/repr.h"
#include "tools/compare/tensor_difference.h"

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

// "path: a | b" of every difference of structure, in one text.
std::string structure_of(const Value& a, const Value& b) {
  std::string text;
  for (const StructureDifference& one : difference_of(a, b, {}).structure)
    text += (text.empty() ? "" : "; ") + one.path + ": " + one.a + " | " + one.b;
  return text;
}

// ---- tensors

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

// ---- structures

TEST(Differences, PathsAreThoseOfPython) {
  const auto answer = [](double number) {
    return Value(Tuple{{1.0, Dict{{{"out", List{{2.0, NamedTuple{"m.Out", {"logits"}, {number}}}}}}}}});
  };
  const auto found = difference_of(answer(3), answer(4), {});
  ASSERT_EQ(found.tensors.size(), 3u);
  EXPECT_EQ(found.tensors[0].path, "[0]");
  EXPECT_EQ(found.tensors[1].path, "[1]['out'][0]");
  EXPECT_EQ(found.tensors[2].path, "[1]['out'][1].logits");
  EXPECT_TRUE(found.structure.empty());
  EXPECT_FALSE(found.equal());
  EXPECT_EQ(found.max_abs(), 1);
}

TEST(Differences, PythonsNumbersAreTensorsOfOneElement) {
  const auto found = difference_of(List{{true, 3, 2.5, std::complex<double>(1, 2)}},
                                   List{{true, 4, 2.5, std::complex<double>(1, 2)}}, {});
  ASSERT_EQ(found.tensors.size(), 4u);
  EXPECT_EQ(found.tensors[0].dtype[0], "bool");
  EXPECT_EQ(found.tensors[1].dtype[0], "int64");
  EXPECT_EQ(found.tensors[1].max_abs, 1);
  EXPECT_EQ(found.tensors[2].dtype[0], "float64");
  EXPECT_EQ(found.tensors[3].dtype[0], "complex128");
  EXPECT_EQ(structure_of(1, 1.0), "");
  EXPECT_FALSE(difference_of(1, 1.0, {}).equal());
  EXPECT_TRUE(difference_of(1, 1.0, {}).within());
}

TEST(Differences, LongListsOfNumbersAreOneTensor) {
  List a, b;
  for (int i = 0; i < 1000; ++i) {
    a.items.emplace_back(static_cast<double>(i));
    b.items.emplace_back(static_cast<double>(i == 7 ? 0 : i));
  }
  const auto found = difference_of(a, b, {});
  ASSERT_EQ(found.tensors.size(), 1u);
  EXPECT_EQ(found.tensors[0].shape, std::vector<std::int64_t>{1000});
  EXPECT_EQ(found.tensors[0].worst, std::vector<std::int64_t>{7});
}

TEST(Differences, OtherFormsAreDifferencesOfStructure) {
  const Tensor tensor = floats({1, 2});
  EXPECT_EQ(structure_of(tensor, floats({1})), ": a tensor float32 [2] | a tensor float32 [1]");
  EXPECT_EQ(structure_of(List{{tensor}}, List{{"x"}}), "[0]: a tensor float32 [2] | a str");
  EXPECT_EQ(structure_of(Value(), tensor), ": None | a tensor float32 [2]");
  EXPECT_EQ(structure_of(tensor, Array{tensor}), ": a tensor float32 [2] | a numpy array float32 [2]");
  EXPECT_EQ(structure_of(single(DType::Float64, 1.0), 1.0), ": a tensor float64 [] | a float");
  EXPECT_EQ(difference_of(tensor, Array{tensor}, {}).tensors.size(), 1u);
}

TEST(Differences, WhatBothHaveIsComparedThoughLengthsOrKeysDiffer) {
  EXPECT_EQ(structure_of(List{{1, 2}}, Tuple{{1, 2, 3}}), ": a list of 2 | a tuple of 3");
  const auto lists = difference_of(List{{1, 2}}, Tuple{{1, 5, 3}}, {});
  ASSERT_EQ(lists.tensors.size(), 2u);
  EXPECT_EQ(lists.tensors[1].max_abs, 3);
  EXPECT_EQ(lists.max_abs(), kInfinity);

  const Dict a{{{"x", 1}, {"only a", "t"}, {2, 3}}}, b{{{2, 4}, {"x", 1}, {"only b", Value()}}};
  EXPECT_EQ(structure_of(a, b), "['only a']: a str | nothing; ['only b']: nothing | None");
  const auto dicts = difference_of(a, b, {});
  ASSERT_EQ(dicts.tensors.size(), 2u);
  EXPECT_EQ(dicts.tensors[1].path, "[2]");
  EXPECT_EQ(dicts.tensors[1].max_abs, 1);
}

TEST(Differences, NamedTuplesAreComparedByTheirFields) {
  const NamedTuple a{"v1.Out", {"x", "y"}, {1, 2}}, b{"v2.Out", {"y", "z"}, {2, 3}};
  EXPECT_EQ(
      structure_of(a, b),
      ": a named tuple v1.Out of 2 | a named tuple v2.Out of 2; .x: an int | nothing; .z: nothing | an int");
  // A worker's may have fewer fields than items, and some of them twice.
  EXPECT_EQ(structure_of(NamedTuple{"T", {"x", "x"}, {1, 2, 3}}, NamedTuple{"T", {"x", "x"}, {1, 2, 3}}), "");
}

TEST(Differences, KeysAreEscapedAndBounded) {
  EXPECT_EQ(structure_of(Dict{{{"it's\n\x1b\xff", "a"}}}, Dict{{{"it's\n\x1b\xff", "b"}}}),
            "['it\\'s\\n\\x1b\\xff']: 'a' | 'b'");
  const auto found = difference_of(Dict{{{std::string(10'000, 'k'), 1}}}, Dict{}, {});
  EXPECT_LT(found.structure.at(0).path.size(), 100u);
  EXPECT_EQ(structure_of(Dict{{{Tuple{{1, "a"}}, 1}}}, Dict{}), "[(1, 'a')]: an int | nothing");
}

TEST(Differences, LongKeysAreToldApartByTheirEnds) {
  const std::string common(10'000, 'k');
  EXPECT_TRUE(difference_of(Dict{{{common + "1", 1}, {common + "2", 2}}},
                            Dict{{{common + "2", 2}, {common + "1", 1}}}, {})
                  .equal());
}

TEST(Differences, TextIsEqualOrShownFromWhereItDiffers) {
  EXPECT_EQ(structure_of("same", "same"), "");
  EXPECT_EQ(structure_of("cat", "dog"), ": 'cat' | 'dog'");
  const std::string common(1000, 'x');
  const std::string tail(20, 'x');
  EXPECT_EQ(structure_of(common + "1", common + "2"), ": \u2026'" + tail + "1' | \u2026'" + tail + "2'");
  EXPECT_EQ(structure_of(Bytes{"a\x01"}, Bytes{"a"}), ": b'a\\x01' | b'a'");
}

TEST(Differences, OtherKindsAreEqualOrShown) {
  EXPECT_EQ(structure_of(List{{Value(), Size{{1, 2}}, Device{"cpu"}, DType::Float32, Range{0, 3, 1},
                               Slice{{1, 2, Value()}}, Path{"/a"}, BigInt{"0x1"}, Ellipsis{}}},
                         List{{Value(), Size{{1, 2}}, Device{"cpu"}, DType::Float32, Range{0, 3, 1},
                               Slice{{1, 2, Value()}}, Path{"/a"}, BigInt{"0x1"}, Ellipsis{}}}),
            "");
  EXPECT_EQ(structure_of(Size{{1, 2}}, Size{{1, 3}}), ": Size([1, 2]) | Size([1, 3])");
  EXPECT_EQ(structure_of(Device{"cpu"}, Device{"cuda", 1}), ": device(cpu) | device(cuda:1)");
  EXPECT_EQ(structure_of(DType::Float32, DType::Float16), ": torch.float32 | torch.float16");
  EXPECT_EQ(structure_of(Range{0, 3, 1}, Range{0, 3, 2}), ": range(0, 3, 1) | range(0, 3, 2)");
  EXPECT_EQ(structure_of(Slice{{1, 2, Value()}}, Slice{{1, 2, 3}}), ": slice(1, 2, None) | slice(1, 2, 3)");
  EXPECT_EQ(structure_of(BigInt{"0x1"}, BigInt{"-0x1"}), ": 0x1 | -0x1");
}

TEST(Differences, SetsHaveNoOrder) {
  EXPECT_EQ(structure_of(Set{{1, "a", 2.5}}, Set{{2.5, 1, "a"}, true}), "");
  EXPECT_EQ(
      structure_of(Set{{1, "a"}}, Set{{"a", "b", "c"}}),
      ": a set of 2, with 1 that the other has not: 1 | a set of 3, with 2 that the other has not: 'b', 'c'");
  Set large, reversed;
  for (int i = 0; i < 50'000; ++i) {
    large.items.emplace_back(i);
    reversed.items.emplace_back(49'999 - i);
  }
  EXPECT_EQ(structure_of(large, reversed), "");
}

TEST(Differences, HandlesAreComparedByTheirClass) {
  const auto handle = [](std::uint64_t id, const char* name) {
    Handle made;
    made.id = id;
    made.class_name = name;
    return made;
  };
  const auto same = difference_of(handle(1, "m.Net"), handle(9, "m.Net"), {});
  EXPECT_EQ(same.handles, 1u);
  EXPECT_TRUE(same.equal());
  EXPECT_EQ(structure_of(handle(1, "m.Net"), handle(1, "m.Other")),
            ": a handle of a m.Net | a handle of a m.Other");
}

TEST(Differences, NumpyScalarsAndImagesAreComparedByElements) {
  Scalar one{.dtype = DType::Float32}, two{.dtype = DType::Float32};
  const float values[] = {1, 3};
  std::memcpy(one.bytes.data(), &values[0], 4);
  std::memcpy(two.bytes.data(), &values[1], 4);
  EXPECT_EQ(difference_of(one, two, {}).max_abs(), 2);

  const auto image = [](std::string mode, std::vector<std::uint8_t> bytes) {
    return Value(Image{std::move(mode), 2, 1,
                       Tensor::of(DType::UInt8, {static_cast<std::int64_t>(bytes.size())}, bytes)});
  };
  const auto found = difference_of(image("RGB", {1, 2, 3, 4, 5, 6}), image("RGB", {1, 2, 3, 4, 9, 6}), {});
  ASSERT_EQ(found.tensors.size(), 1u);
  EXPECT_EQ(found.tensors[0].shape, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(found.tensors[0].worst, (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(structure_of(image("RGB", {1, 2, 3, 4, 5, 6}), image("HSV", {1, 2, 3, 4, 5, 6})),
            ": an image RGB 2x1 | an image HSV 2x1");
  // A worker's image need not have as many bytes as it says.
  EXPECT_EQ(difference_of(image("RGB", {1, 2, 3}), image("RGB", {1, 2, 3}), {}).tensors.at(0).shape,
            std::vector<std::int64_t>{3});
}

// ---- bounds

TEST(Differences, AValueThatHoldsItselfManyTimesOverIsCutOff) {
  Value a = "leaf";
  for (int i = 0; i < 60; ++i)
    a = List{{a, a}};
  const auto found = difference_of(a, a, {});
  ASSERT_EQ(found.structure.size(), 1u);
  EXPECT_EQ(found.structure[0].a, "more values than are compared");
  EXPECT_FALSE(found.equal());
}

TEST(Differences, KeysThatHoldThemselvesManyTimesOverAreCutOff) {
  Value key = 1;
  for (int i = 0; i < 60; ++i)
    key = Tuple{{key, key}};
  const auto found = difference_of(Dict{{{key, 1}}}, Dict{{{key, 1}}}, {});
  EXPECT_FALSE(found.equal());
}

TEST(Differences, WhatIsReportedIsBounded) {
  List tensors, texts, others;
  for (int i = 0; i < 20'000; ++i) {
    tensors.items.emplace_back(Tensor::zeros(DType::Float32, {}));
    texts.items.emplace_back("a");
    others.items.emplace_back("b");
  }
  const auto many_tensors = difference_of(tensors, tensors, {});
  EXPECT_EQ(many_tensors.tensors.size(), 10'000u);
  EXPECT_EQ(many_tensors.structure.back().a, "more tensors than are compared");
  const auto many_differences = difference_of(texts, others, {});
  EXPECT_EQ(many_differences.structure.size(), 1'000u);
  EXPECT_EQ(many_differences.structure.back().a, "more differences than are reported");
}

TEST(Differences, MoreElementsThanMemoryHoldsAreNotLookedAt) {
  const Tensor one = floats({1});
  const Tensor huge = Tensor::strided(DType::Float32, {std::int64_t{1} << 40}, {0}, one.owner(), one.data());
  const auto found = difference_of(huge, huge, {});
  EXPECT_TRUE(found.tensors.empty());
  ASSERT_EQ(found.structure.size(), 1u);
  EXPECT_EQ(found.structure[0].a,
            "a tensor float32 [1099511627776], with which there are more elements than are compared");
}

TEST(Differences, ValuesDeeperThanAWorkerSendsAreCutOff) {
  Value a = 1;
  for (int i = 0; i < 200; ++i)
    a = List{{a}};
  EXPECT_EQ(difference_of(a, a, {}).structure.at(0).a, "values that lie deeper than they are compared");
}

TEST(Repr, WritesFloatsAsPythonDoes) {
  EXPECT_EQ(repr(0.1, 80), "0.1");
  EXPECT_EQ(repr(1.0, 80), "1.0");
  EXPECT_EQ(repr(kNan, 80), "nan");
  EXPECT_EQ(repr(-kInfinity, 80), "-inf");
  EXPECT_EQ(repr(std::complex<double>(1, -2.5), 80), "(1.0-2.5j)");
}

TEST(Repr, CutsBetweenCharacters) {
  EXPECT_EQ(repr("\u00e4\u00e4\u00e4", 4), "'\u00e4\u2026");
  EXPECT_EQ(shortened("\u00e4\u00e4\u00e4", 3), "\u00e4\u2026");
  EXPECT_EQ(repr("\xc3(\xed\xa0\x80\u0085", 80), "'\\xc3(\\xed\\xa0\\x80\\x85'");
}

}  // namespace
}  // namespace hubcell::compare

#include "tools/compare/numbers/differences.h"

#include <gtest/gtest.h>

#include <complex>
#include <cstring>
#include <limits>

#include "tools/compare/numbers/repr.h"

namespace hubcell::compare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor floats(const std::vector<float>& items) {
  return Tensor::of(DType::Float32, {static_cast<std::int64_t>(items.size())}, items);
}
template <typename Item>
Tensor single(DType dtype, Item item) {
  return Tensor::of(dtype, {}, std::vector<Item>{item});
}

// "path: a | b" of every difference of structure, in one text.
std::string structure_of(const Value& a, const Value& b) {
  std::string text;
  for (const StructureDifference& one : difference_of(a, b, {}).structure)
    text += (text.empty() ? "" : "; ") + one.path + ": " + one.a + " | " + one.b;
  return text;
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
  EXPECT_FALSE(difference_of(Dict{{{key, 1}}}, Dict{{{key, 1}}}, {}).equal());
  EXPECT_FALSE(difference_of(Set{{key}}, Set{{key}}, {}).equal());
  EXPECT_FALSE(difference_of(Slice{{key, 1, 1}}, Slice{{key, 1, 1}}, {}).equal());
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

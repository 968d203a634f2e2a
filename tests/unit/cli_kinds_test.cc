// How the command line shows the kinds of values that Python's libraries bring.
#include <gtest/gtest.h>

#include <cstring>

#include "tools/cli/elements.h"
#include "tools/cli/json_output.h"
#include "tools/cli/text_output.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

std::string json_of(const Value& value) {
  return dump(to_json(value));
}

std::string text_of(const Value& value) {
  return to_text(value, text::Style::plain());
}

Tensor bits(DType dtype, const std::vector<std::uint8_t>& bytes) {
  return Tensor::of(dtype, {static_cast<std::int64_t>(bytes.size())}, bytes);
}

Json data_of(const Tensor& tensor) {
  return to_json(Value(tensor))["data"];
}

TEST(Kinds, SmallOnesAreShownAsPythonWritesThem) {
  const std::pair<Value, const char*> expected[] = {
      {std::complex<double>(1.5, -2), "(1.5-2j)\n"},
      {BigInt{"-0xffffffffffffffffff"}, "-0xffffffffffffffffff\n"},
      {Range{0, 5, 1}, "range(0, 5)\n"},
      {Range{5, 0, -2}, "range(5, 0, -2)\n"},
      {Slice{{1, None{}, 2}}, "slice(1, None, 2)\n"},
      {Path{"/a"}, "Path('/a')\n"},
      {DType::Float32, "torch.float32\n"},
      {Device{"cuda", 1}, "cuda:1\n"},
      {Size{{1, 2}}, "torch.Size([1, 2])\n"},
      {Set{{1}}, "{1}\n"},
      {Set{}, "set()\n"},
      {Set{.items = {1}, .is_frozen = true}, "frozenset({1})\n"},
      {NamedTuple{"models.Point", {"x", "y"}, {1, "b"}}, "Point(x=1, y='b')\n"},
      {Image{.mode = "L", .width = 2, .height = 1, .pixels = bits(DType::UInt8, {1, 2})},
       "an image L 2x1\n"}};
  for (const auto& [value, text] : expected)
    EXPECT_EQ(text_of(value), text);
}

TEST(Kinds, ANamedTupleWithTensorsIsATreeWithItsNames) {
  const Value value = NamedTuple{"torch.return_types.max", {"values"}, {Tensor::zeros(DType::Float32, {1})}};
  EXPECT_EQ(text_of(value), "named tuple torch.return_types.max of 1\n  values: tensor float32 [1]  0\n");
}

TEST(Kinds, AnArrayIsShownLikeATensor) {
  const Tensor base = Tensor::of<std::int32_t>(DType::Int32, {2, 2}, {1, 2, 3, 4});
  const Array turned{Tensor::strided(DType::Int32, {2, 2}, {1, 2}, base.owner(), base.data())};
  EXPECT_EQ(text_of(turned), "array int32 [2, 2]\n  [1, 3, 2, 4]\n  min 1  mean 2.5  max 4\n");
  EXPECT_EQ(to_json(Value(turned))["type"], "array");
  EXPECT_EQ(to_json(Value(turned))["data"], Json({1, 3, 2, 4}));
}

TEST(Kinds, JsonNamesTheirTypes) {
  EXPECT_EQ(json_of(std::complex<double>(1, -2)), R"({"type":"complex","real":1.0,"imag":-2.0})");
  EXPECT_EQ(json_of(BigInt{"0x1"}), R"({"type":"int","hex":"0x1"})");
  EXPECT_EQ(json_of(Set{{1}}), R"({"type":"set","items":[1]})");
  EXPECT_EQ(json_of(Device{"cpu"}), R"({"type":"device","device":"cpu"})");
  EXPECT_EQ(json_of(DType::BFloat16), R"({"type":"torch","name":"torch.bfloat16"})");
  EXPECT_EQ(json_of(NamedTuple{"m.P", {"x"}, {1}}),
            R"({"type":"tuple","class":"m.P","fields":["x"],"items":[1]})");
  Scalar scalar{.dtype = DType::Float32};
  const float half = 0.5F;
  std::memcpy(scalar.bytes.data(), &half, sizeof half);
  EXPECT_EQ(json_of(scalar), "0.5");
}

// The values are torch 2.13's.
TEST(Kinds, FloatsOfEightBitsHaveTheirNumbers) {
  EXPECT_EQ(data_of(bits(DType::Float8E4M3Fn, {0x38, 0x7e, 0x7f, 1, 0xb8})),
            Json({1.0, 448.0, "nan", 0x1p-9, -1.0}));
  EXPECT_EQ(data_of(bits(DType::Float8E5M2, {0x3c, 0x7b, 0x7c, 0x7e, 1})),
            Json({1.0, 57344.0, "inf", "nan", 0x1p-16}));
  EXPECT_EQ(data_of(bits(DType::Float8E4M3FnUz, {0x40, 0x7f, 0x80, 1})), Json({1.0, 240.0, "nan", 0x1p-10}));
  EXPECT_EQ(data_of(bits(DType::Float8E5M2FnUz, {0x40, 0x7f, 0x80, 1})),
            Json({1.0, 57344.0, "nan", 0x1p-17}));
  EXPECT_EQ(data_of(bits(DType::Float8E8M0FnU, {127, 255, 0, 130})), Json({1.0, "nan", 0x1p-127, 8.0}));
}

TEST(Kinds, UnsignedAndHalfComplexNumbersHaveTheirs) {
  EXPECT_EQ(data_of(Tensor::of<std::uint16_t>(DType::UInt16, {1}, {65535})), Json({65535}));
  EXPECT_EQ(data_of(Tensor::of<std::uint32_t>(DType::UInt32, {1}, {4294967295U})), Json({4294967295U}));
  EXPECT_EQ(data_of(Tensor::of<std::uint64_t>(DType::UInt64, {1}, {std::uint64_t{1} << 63})), Json({0x1p63}));
  EXPECT_EQ(data_of(Tensor::of<std::uint16_t>(DType::Complex32, {1}, {0x3c00, 0xc000})), Json({{1.0, -2.0}}));
}

}  // namespace
}  // namespace hubcell::cli

#include <gtest/gtest.h>
#include <hubcell/value.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "shared/channel/call_frame.h"
#include "shared/value/value_codec.h"
#include "shared/value/value_tags.h"
#include "shared/wire/limits.h"
#include "tests/support/heap_blocks.h"
#include "tests/support/sample_values.h"

namespace hubcell {
namespace {

using tests::from_bytes;
using tests::HeapBlocks;
using tests::to_bytes;

Value round_trip(const Value& value) {
  HeapBlocks blocks;
  return from_bytes(to_bytes(value, blocks), blocks);
}

TEST(ValueCodec, RoundTripKeepsEveryKind) {
  for (const auto& [name, value] : tests::sample_values()) {
    EXPECT_EQ(tests::difference(round_trip(value), value), "") << name;
  }
}

TEST(ValueCodec, AHandleGetsItsLeaseFromTheReader) {
  Handle handle;
  handle.id = 7;
  handle.class_name = "models.Net";
  handle.is_callable = true;
  const Value copy = round_trip(handle);
  EXPECT_EQ(copy.as<Handle>().class_name, "models.Net");
  EXPECT_TRUE(copy.as<Handle>().is_callable);
  EXPECT_TRUE(copy.as<Handle>().lease != nullptr);
}

TEST(ValueCodec, EveryTruncationIsAProtocolViolation) {
  HeapBlocks blocks;
  const auto bytes = to_bytes(tests::all_samples(), blocks);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(from_bytes(std::span(bytes).first(length), blocks), Error) << length;
  }
}

// What a byte is replaced by: tags, counts, flags and the ends of its range.
std::vector<int> replacements() {
  std::vector<int> bytes{0x3f, 0x40, 0x7f, 0x80, 0x81, 0xfe, 0xff};
  for (int byte = 0; byte < 32; ++byte)
    bytes.push_back(byte);
  return bytes;
}

TEST(ValueCodec, EveryByteMayBeReplacedWithoutHarm) {
  const std::vector<DType> some_dtypes{DType::Float32, DType::Float8E5M2};
  for (const auto& [name, value] : tests::sample_values(some_dtypes)) {
    HeapBlocks blocks;
    auto bytes = to_bytes(value, blocks);
    for (std::byte& byte : bytes) {
      const std::byte original = byte;
      for (const int replacement : replacements()) {
        byte = static_cast<std::byte>(replacement);
        try {
          from_bytes(bytes, blocks);
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::Protocol) << name << ": " << error.what();
        }
      }
      byte = original;
    }
  }
}

TEST(ValueCodec, NestingIsKeptToItsBoundAndRefusedAboveIt) {
  Value nested = 1;
  for (std::size_t i = 1; i < wire::kValueDepthMax; ++i)
    nested = List{{nested}};
  EXPECT_NO_THROW(round_trip(nested));
  EXPECT_THROW(round_trip(List{{nested}}), Error);
}

TEST(ValueCodec, TwoHundredThousandNestedListsDoNotReachTheStack) {
  wire::SpanWriter writer;
  writer(std::uint32_t{0});
  for (int i = 0; i < 200'000; ++i)
    writer(static_cast<std::uint8_t>(Tag::List), std::uint32_t{1});
  writer(static_cast<std::uint8_t>(Tag::None));
  const auto bytes = writer.take_bytes();
  HeapBlocks blocks;
  EXPECT_THROW(from_bytes(bytes, blocks), Error);
}

TEST(ValueCodec, WhatIsSharedArrivesShared) {
  const Value list = List{{1, 2}};
  const Value copy = round_trip(Tuple{{list, Dict{{{"again", list}}}, List{{1, 2}}}});
  EXPECT_EQ(copy[0].identity(), copy[1].find("again")->identity());
  EXPECT_NE(copy[0].identity(), copy[2].identity());
}

TEST(ValueCodec, SharingDoesNotMakeAnEndlessValue) {
  Value doubled = List{{1}};
  for (int i = 0; i < 10; ++i)
    doubled = Tuple{{doubled, doubled}};
  EXPECT_EQ(round_trip(doubled)[1][0][1].size(), 2U);
  for (int i = 0; i < 40; ++i)
    doubled = Tuple{{doubled, doubled}};
  EXPECT_THROW(round_trip(doubled), Error) << "2 to the power of 50 parts, if one walks through them";
}

TEST(ValueCodec, AReferenceToWhatDoesNotPrecedeIsAProtocolViolation) {
  for (const std::uint32_t number : {0U, 1U, 77U}) {
    wire::SpanWriter writer;
    writer(std::uint32_t{0}, static_cast<std::uint8_t>(Tag::Shared), static_cast<std::uint8_t>(Tag::List),
           std::uint32_t{1}, static_cast<std::uint8_t>(Tag::Reference), number);
    const auto bytes = writer.take_bytes();
    HeapBlocks blocks;
    EXPECT_THROW(from_bytes(bytes, blocks), Error) << number;
  }
}

// A text would be copied by each reference: 1 MiB on the wire could stand for 50 GB.
TEST(ValueCodec, AMarkOnWhatCannotBeSharedIsAProtocolViolation) {
  wire::SpanWriter writer;
  writer(std::uint32_t{0}, static_cast<std::uint8_t>(Tag::List), std::uint32_t{2},
         static_cast<std::uint8_t>(Tag::Shared), static_cast<std::uint8_t>(Tag::Str), std::string("text"),
         static_cast<std::uint8_t>(Tag::Reference), std::uint32_t{0});
  const auto bytes = writer.take_bytes();
  HeapBlocks blocks;
  EXPECT_THROW(from_bytes(bytes, blocks), Error);
}

TEST(ValueCodec, TheBoundsOfASliceMayBeTensors) {
  const Value slice = Slice{{Tensor::of<std::int64_t>(DType::Int64, {}, {3}), None{}, None{}}};
  EXPECT_EQ(tests::difference(round_trip(slice), slice), "");
}

// Three times three elements that repeat, in nine bytes: as many as they would fill without gaps.
TEST(ValueCodec, WhatLiesBetweenElementsThatRepeatIsNotSent) {
  const Tensor secrets = Tensor::of<std::uint8_t>(DType::UInt8, {9}, {1, 66, 66, 66, 1, 66, 66, 66, 1});
  const Tensor repeated = Tensor::strided(DType::UInt8, {3, 3}, {0, 4}, secrets.owner(), secrets.data());
  const Tensor first = Tensor::strided(DType::UInt8, {1}, {1}, secrets.owner(), secrets.data());
  HeapBlocks blocks;
  to_bytes(List{{repeated, first}}, blocks);
  EXPECT_EQ(std::ranges::count(blocks.memory(), std::byte{66}), 0);
}

TEST(ValueCodec, AnElementThatIsRepeatedIsCopiedOnce) {
  constexpr std::int64_t kRepeats = std::int64_t{1} << 50;
  const Tensor one = Tensor::of<float>(DType::Float32, {1}, {7});
  const Tensor expanded = Tensor::strided(DType::Float32, {kRepeats}, {0}, one.owner(), one.data());
  const Value copy = round_trip(expanded);
  EXPECT_EQ(copy.tensor().shape(), (std::vector<std::int64_t>{kRepeats}));
  EXPECT_EQ(std::memcmp(copy.tensor().data(), one.data(), sizeof(float)), 0);
}

TEST(ValueCodec, StridesOfOneElementAndOfNoneMayBeOfAnySize) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const Tensor base = Tensor::of<std::uint8_t>(DType::UInt8, {5}, {1, 2, 3, 4, 5});
  const Tensor odd = Tensor::strided(DType::UInt8, {3, 1}, {2, kHuge}, base.owner(), base.data());
  const std::uint8_t elements[] = {1, 3, 5};
  EXPECT_EQ(std::memcmp(round_trip(odd).tensor().contiguous().data(), elements, sizeof elements), 0);
  const Tensor none = Tensor::zeros(DType::UInt8, {0, kHuge, kHuge});
  EXPECT_EQ(none.strides(), (std::vector<std::int64_t>{kHuge, kHuge, 1}));
}

TEST(ValueCodec, TensorsThatOverlapGoOnOverlapping) {
  const Tensor base = Tensor::of<float>(DType::Float32, {2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor column = Tensor::strided(DType::Float32, {2}, {3}, base.owner(), base.data() + 4);
  const Value copy = round_trip(List{{column, base}});
  const Tensor copied_column = copy[0].tensor(), copied_base = copy[1].tensor();
  EXPECT_EQ(copied_column.strides(), (std::vector<std::int64_t>{3}));
  copied_base.items<float>()[4] = 42;
  EXPECT_EQ(copied_column.contiguous().items<float>()[1], 42.0F);
}

// 2^40 elements, in a memory of 2^21.
TEST(ValueCodec, WindowsOverARowAreCopiedAsTheRow) {
  constexpr std::int64_t kMany = std::int64_t{1} << 12;
  std::vector<std::uint8_t> numbers(4 * kMany);
  std::iota(numbers.begin(), numbers.end(), std::uint8_t{0});
  const Tensor row = Tensor::of(DType::UInt8, {4 * kMany}, numbers);
  const Tensor windows =
      Tensor::strided(DType::UInt8, {kMany, kMany, kMany}, {1, 2, 1}, row.owner(), row.data());
  const Value copy = round_trip(List{{row, windows}});
  EXPECT_EQ(copy[1].tensor().strides(), windows.strides());
  EXPECT_EQ(copy[1].tensor().data(), copy[0].tensor().data());
  EXPECT_EQ(copy[0].tensor().items<std::uint8_t>()[4 * kMany - 1], 255);
}

TEST(ValueCodec, WindowsAloneKeepTheirGaps) {
  const Tensor memory = Tensor::of<std::uint8_t>(DType::UInt8, {8}, {1, 2, 66, 3, 4, 66, 5, 6});
  const Tensor windows = Tensor::strided(DType::UInt8, {3, 2}, {3, 1}, memory.owner(), memory.data());
  const Tensor last = Tensor::strided(DType::UInt8, {2, 2}, {3, 1}, memory.owner(), memory.data() + 3);
  HeapBlocks blocks;
  const Value copy = from_bytes(to_bytes(List{{windows, last}}, blocks), blocks);
  EXPECT_EQ(std::ranges::count(blocks.memory(), std::byte{66}), 0);
  EXPECT_EQ(copy[1].tensor().contiguous().items<std::uint8_t>()[3], 6);
}

TEST(ValueCodec, AnEndlessOverlapIsRefused) {
  const std::vector<std::int64_t> shape(14, 8), strides{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47};
  const Tensor row = Tensor::zeros(DType::UInt8, {1 << 15});
  const Tensor endless = Tensor::strided(DType::UInt8, shape, strides, row.owner(), row.data());
  HeapBlocks blocks;
  try {
    to_bytes(List{{row, endless}}, blocks);
    FAIL() << "it was sent";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("send a copy of it"), std::string::npos) << error.what();
  }
}

TEST(Tensor, WhatTheSystemHasNoRoomForIsAnError) {
  const Tensor one = Tensor::zeros(DType::UInt8, {1});
  const Tensor many = Tensor::strided(DType::UInt8, {std::int64_t{1} << 56}, {0}, one.owner(), one.data());
  EXPECT_THROW(many.contiguous(), Error);
}

TEST(ValueCodec, WhatLiesBetweenTensorsIsNotSent) {
  const Tensor secrets = Tensor::of<std::uint8_t>(DType::UInt8, {8}, {1, 66, 1, 66, 1, 66, 1, 66});
  const Tensor odd = Tensor::strided(DType::UInt8, {4}, {2}, secrets.owner(), secrets.data());
  HeapBlocks blocks;
  to_bytes(List{{odd}}, blocks);
  to_bytes(List{{odd, Tensor::strided(DType::UInt8, {2}, {4}, secrets.owner(), secrets.data())}}, blocks);
  EXPECT_EQ(std::ranges::count(blocks.memory(), std::byte{66}), 0);
}

TEST(ValueCodec, AnExpandedTensorSendsItsElementsOnce) {
  const Tensor one = Tensor::of<double>(DType::Float64, {1}, {0.5});
  const Tensor many = Tensor::strided(DType::Float64, {1000, 1000}, {0, 0}, one.owner(), one.data());
  HeapBlocks blocks;
  const Tensor copy = from_bytes(to_bytes(many, blocks), blocks).tensor();
  EXPECT_LE(blocks.used_bytes(), 16U);
  EXPECT_EQ(copy.strides(), (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(copy.contiguous().items<double>()[999'999], 0.5);
}

TEST(ValueCodec, ATensorThatLeavesItsBlockIsAProtocolViolation) {
  struct Lie {
    std::vector<std::int64_t> shape, strides;
    std::uint32_t block;
    std::uint64_t begin;
  };
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  for (const Lie& lie :
       {Lie{{4}, {1}, 0, 4}, Lie{{4}, {1}, 1, 0}, Lie{{2}, {4}, 0, 0}, Lie{{2}, {-1}, 0, 8},
        Lie{{2}, {kHuge}, 0, 0}, Lie{{2, 2}, {kHuge, kHuge}, 0, 0}, Lie{{1}, {1}, 0, 2},
        Lie{{kHuge, kHuge}, {0, 0}, 0, 0}, Lie{{2}, {1, 1}, 0, 0}, Lie{{1}, {1}, 0, ~0ULL - 3}}) {
    wire::SpanWriter writer;
    writer(std::uint32_t{1}, Block{.segment = 0, .offset = 0, .bytes = 16},
           static_cast<std::uint8_t>(Tag::Tensor), static_cast<std::uint8_t>(DType::Float32),
           std::uint8_t{kStrided}, lie.shape, lie.strides, lie.block, lie.begin);
    const auto bytes = writer.take_bytes();
    HeapBlocks blocks;
    EXPECT_THROW(from_bytes(bytes, blocks), Error) << lie.shape[0] << " " << lie.strides[0];
  }
}

TEST(Tensor, StridesThatCannotBeAreRefused) {
  const auto make = [](std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
    Tensor::strided(DType::Float32, std::move(shape), std::move(strides), nullptr, nullptr);
  };
  EXPECT_THROW(make({2}, {-1}), Error);
  EXPECT_THROW(make({2}, {1, 1}), Error);
  EXPECT_THROW(make({3}, {std::int64_t{1} << 61}), Error);
  EXPECT_NO_THROW(make({0}, {-5})) << "of a tensor without elements they count for nothing";
}

TEST(Tensor, ElementsAreReadInARowOnlyWhereTheyLieInOne) {
  const Tensor base = Tensor::of<std::int64_t>(DType::Int64, {2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor turned = Tensor::strided(DType::Int64, {3, 2}, {1, 3}, base.owner(), base.data());
  EXPECT_THROW(turned.items<std::int64_t>(), Error);
  const Tensor copy = turned.contiguous();
  EXPECT_EQ(std::vector<std::int64_t>(copy.items<std::int64_t>(), copy.items<std::int64_t>() + 6),
            (std::vector<std::int64_t>{0, 3, 1, 4, 2, 5}));
  EXPECT_TRUE(Tensor::strided(DType::Int64, {1, 3}, {77, 1}, nullptr, nullptr).is_contiguous());
}

TEST(File, WhatCannotBeReadIsOneClearLine) {
  try {
    File::read("/nonexistent/file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "send the file /nonexistent/file: No such file or directory");
  }
  EXPECT_THROW(File::read("/"), Error);
  EXPECT_EQ(File::read("/etc/passwd").name, "passwd");
}

TEST(Value, WrongKindsAreNamed) {
  try {
    Value(Tuple{{1, 2}}).tensor();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "expected a tensor, got a tuple of 2");
  }
}

TEST(CallFrame, RequestAndResponseRoundTrip) {
  HeapBlocks blocks;
  channel::CallRequest request;
  request.verb = channel::Verb::Call;
  request.target = 3;
  request.name = "forward";
  request.arguments = {1, "x"};
  request.keywords = {{"flag", true}};
  const auto copy =
      channel::decode_request(channel::encode_request(request, blocks.writer()), blocks.reader());
  EXPECT_EQ(copy.name, "forward");
  EXPECT_EQ(copy.arguments.at(1).text(), "x");
  EXPECT_EQ(copy.keywords.at(0).first, "flag");

  channel::CallResponse response;
  response.failure.emplace();
  response.failure->message = "ValueError: no";
  response.failure->remote = RemoteException{"builtins.ValueError", "ValueError", "no", "Traceback"};
  const auto answer =
      channel::decode_response(channel::encode_response(response, blocks.writer()), blocks.reader());
  EXPECT_EQ(answer.failure->remote->builtin, "ValueError");
}

}  // namespace
}  // namespace hubcell

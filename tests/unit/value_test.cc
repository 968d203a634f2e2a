#include <gtest/gtest.h>
#include <hubcell/value.h>

#include <cstring>

#include "shared/channel/call_frame.h"
#include "shared/value/value_codec.h"
#include "shared/wire/limits.h"

namespace hubcell {
namespace {

// Blocks in one piece of heap memory, as a channel would have them.
class HeapBlocks {
 public:
  BlockPlacer placer() {
    return [this](const Tensor& tensor) {
      const Block block{.segment = 0, .offset = used_, .bytes = tensor.bytes()};
      std::memcpy(memory_.data() + used_, tensor.data(), tensor.bytes());
      used_ += tensor.bytes();
      return block;
    };
  }
  ValueReadContext reader() {
    return {.map_block =
                [this](const Block& block) {
                  if (block.offset > memory_.size() || block.bytes > memory_.size() - block.offset) {
                    wire::malformed("block");
                  }
                  return MappedBlock{memory_.data() + block.offset, nullptr};
                },
            .bind_handle = [](std::uint64_t) { return std::make_shared<int>(1); }};
  }

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(4096);
  std::size_t used_ = 0;
};

std::vector<std::byte> to_bytes(const Value& value, HeapBlocks& blocks) {
  wire::SpanWriter writer;
  write_value(writer, value, blocks.placer());
  return writer.take_bytes();
}

Value from_bytes(std::span<const std::byte> bytes, HeapBlocks& blocks) {
  wire::SpanReader reader(bytes);
  return read_value(reader, blocks.reader());
}

Value make_value() {
  Handle handle;
  handle.id = 7;
  handle.class_name = "models.Net";
  handle.is_callable = true;
  return Tuple{{None{}, true, -5, 2.5, "text", Bytes{std::string("\0b", 2)}, List{{1, 2}},
                Dict{{{"key", 3}, {4, "four"}}}, Tensor::of<float>(DType::Float32, {1, 2}, {1.5F, -2.0F}),
                handle}};
}

TEST(ValueCodec, RoundTripKeepsEveryKind) {
  HeapBlocks blocks;
  const Value copy = from_bytes(to_bytes(make_value(), blocks), blocks);
  ASSERT_EQ(copy.size(), 10U);
  EXPECT_TRUE(copy[0].is<None>());
  EXPECT_TRUE(copy[1].as<bool>());
  EXPECT_EQ(copy[2].integer(), -5);
  EXPECT_EQ(copy[3].real(), 2.5);
  EXPECT_EQ(copy[4].text(), "text");
  EXPECT_EQ(copy[5].as<Bytes>().data.size(), 2U);
  EXPECT_EQ(copy[6][1].integer(), 2);
  EXPECT_EQ(copy[7].find("key")->integer(), 3);
  EXPECT_EQ(copy[8].tensor().items<float>()[1], -2.0F);
  EXPECT_EQ(copy[9].as<Handle>().class_name, "models.Net");
  EXPECT_TRUE(copy[9].as<Handle>().lease != nullptr);
}

TEST(ValueCodec, EveryTruncationIsAProtocolViolation) {
  HeapBlocks blocks;
  const auto bytes = to_bytes(make_value(), blocks);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(from_bytes(std::span(bytes).first(length), blocks), Error) << length;
  }
}

TEST(ValueCodec, EveryByteMayBeReplacedWithoutHarm) {
  HeapBlocks blocks;
  const auto original = to_bytes(make_value(), blocks);
  for (std::size_t position = 0; position < original.size(); ++position) {
    for (int replacement = 0; replacement < 256; ++replacement) {
      auto bytes = original;
      bytes[position] = static_cast<std::byte>(replacement);
      try {
        from_bytes(bytes, blocks);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Protocol);
      }
    }
  }
}

TEST(ValueCodec, NestingIsKeptToItsBoundAndRefusedAboveIt) {
  HeapBlocks blocks;
  Value nested = 1;
  for (std::size_t i = 1; i < wire::kValueDepthMax; ++i)
    nested = List{{nested}};
  EXPECT_NO_THROW(from_bytes(to_bytes(nested, blocks), blocks));
  const Value deeper = List{{nested}};
  EXPECT_THROW(to_bytes(deeper, blocks), Error);
}

TEST(ValueCodec, TwoHundredThousandNestedListsDoNotReachTheStack) {
  wire::SpanWriter writer;
  for (int i = 0; i < 200'000; ++i)
    writer(std::uint8_t{6}, std::uint32_t{1});
  writer(std::uint8_t{0});
  const auto bytes = writer.take_bytes();
  HeapBlocks blocks;
  EXPECT_THROW(from_bytes(bytes, blocks), Error);
}

TEST(ValueCodec, EmptyAndScalarTensorsTravel) {
  HeapBlocks blocks;
  const Value value =
      List{{Tensor::zeros(DType::Int64, {0, 5}), Tensor::of<double>(DType::Float64, {}, {3.25})}};
  const Value copy = from_bytes(to_bytes(value, blocks), blocks);
  EXPECT_EQ(copy[0].tensor().shape(), (std::vector<std::int64_t>{0, 5}));
  EXPECT_EQ(copy[1].tensor().count(), 1U);
  EXPECT_EQ(copy[1].tensor().items<double>()[0], 3.25);
}

TEST(ValueCodec, AShapeWhoseSizeOverflowsIsAProtocolViolation) {
  wire::SpanWriter writer;
  writer(std::uint8_t{9}, static_cast<std::uint8_t>(DType::Float32),
         std::vector<std::int64_t>{std::int64_t{1} << 40, std::int64_t{1} << 40});
  const auto bytes = writer.take_bytes();
  HeapBlocks blocks;
  EXPECT_THROW(from_bytes(bytes, blocks), Error);
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
  request.released_blocks = {64, 128};
  const auto copy =
      channel::decode_request(channel::encode_request(request, blocks.placer()), blocks.reader());
  EXPECT_EQ(copy.name, "forward");
  EXPECT_EQ(copy.arguments.at(1).text(), "x");
  EXPECT_EQ(copy.keywords.at(0).first, "flag");
  EXPECT_EQ(copy.released_blocks, request.released_blocks);

  channel::CallResponse response;
  response.failure.emplace();
  response.failure->message = "ValueError: no";
  response.failure->remote = RemoteException{"builtins.ValueError", "ValueError", "no", "Traceback"};
  const auto answer =
      channel::decode_response(channel::encode_response(response, blocks.placer()), blocks.reader());
  EXPECT_EQ(answer.failure->remote->builtin, "ValueError");
}

}  // namespace
}  // namespace hubcell

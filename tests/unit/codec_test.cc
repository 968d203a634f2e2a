#include "shared/wire/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "shared/posix/message_socket.h"
#include "shared/wire/frame.h"

namespace hubcell::wire {
namespace {

struct Inner {
  std::string text;
  std::vector<std::string> names;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(text, names);
  }
};

struct Outer {
  bool flag = false;
  std::int32_t number = 0;
  ErrorCode code = ErrorCode::System;
  std::optional<Inner> maybe;
  std::vector<double> numbers;
  std::vector<Inner> inners;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(flag, number, checked_enum(code, kErrorCodeLast), maybe, numbers, inners);
  }
};

Outer make_outer() {
  return {.flag = true,
          .number = -7,
          .code = ErrorCode::Remote,
          .maybe = Inner{"hi", {"a", "b"}},
          .numbers = {1.5, -0.0},
          .inners = {{"z", {}}, {"", {"c"}}}};
}

ErrorCode code_of(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::System;
}

template <class Message>
void expect_malformed(std::span<const std::byte> bytes) {
  EXPECT_EQ(code_of([&] { decode<Message>(bytes); }), ErrorCode::Protocol);
}

TEST(Codec, RoundTripKeepsEveryField) {
  const auto copy = decode<Outer>(encode(make_outer()));
  EXPECT_TRUE(copy.flag);
  EXPECT_EQ(copy.number, -7);
  EXPECT_EQ(copy.code, ErrorCode::Remote);
  ASSERT_TRUE(copy.maybe.has_value());
  EXPECT_EQ(copy.maybe->names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(std::signbit(copy.numbers.at(1)));
  EXPECT_EQ(copy.inners.at(1).names.at(0), "c");
}

TEST(Codec, EveryTruncationIsAProtocolViolation) {
  const auto bytes = encode(make_outer());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    expect_malformed<Outer>(std::span(bytes).first(length));
  }
}

TEST(Codec, BytesLeftOverAreAProtocolViolation) {
  auto bytes = encode(make_outer());
  bytes.push_back(std::byte{0});
  expect_malformed<Outer>(bytes);
}

TEST(Codec, EveryByteMayBeReplacedWithoutHarm) {
  const auto original = encode(make_outer());
  for (std::size_t position = 0; position < original.size(); ++position) {
    for (const int replacement : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      auto bytes = original;
      bytes[position] = static_cast<std::byte>(replacement);
      try {
        decode<Outer>(bytes);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Protocol);
      }
    }
  }
}

TEST(Codec, ABoolOfFiveIsAProtocolViolation) {
  auto bytes = encode(make_outer());
  bytes[0] = std::byte{5};
  expect_malformed<Outer>(bytes);
}

TEST(Codec, AnUnknownEnumeratorIsAProtocolViolation) {
  auto bytes = encode(make_outer());
  bytes[5] = std::byte{200};
  expect_malformed<Outer>(bytes);
}

TEST(Codec, ACountAboveTheBytesThatFollowAllocatesNothing) {
  SpanWriter writer;
  writer(std::uint32_t{0xffffffff});
  const auto bytes = writer.take_bytes();
  expect_malformed<std::vector<double>>(bytes);
  expect_malformed<std::vector<std::string>>(bytes);
  expect_malformed<std::string>(bytes);
}

TEST(Frame, BodyOfAnotherTagIsAProtocolViolation) {
  auto [left, right] = posix::make_message_socket_pair();
  ASSERT_TRUE(send_frame(left.get(), 42, CloseWorker{.worker = 9}));
  auto frame = wait_frame(right.get(), std::chrono::seconds(5));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->request(), 42U);
  EXPECT_EQ(frame->as<CloseWorker>().worker, 9U);
  EXPECT_EQ(code_of([&] { frame->as<WorkerStatus>(); }), ErrorCode::Protocol);
  EXPECT_EQ(code_of([&] { frame->take_descriptors(1); }), ErrorCode::Protocol);
}

TEST(Frame, TheEndOfThePeerIsToldApartFromSilence) {
  auto [left, right] = posix::make_message_socket_pair();
  EXPECT_FALSE(wait_frame(right.get(), std::chrono::milliseconds(1)).has_value());
  left.reset();
  EXPECT_EQ(code_of([&] { wait_frame(right.get(), std::chrono::seconds(5)); }), ErrorCode::Protocol);
}

}  // namespace
}  // namespace hubcell::wire

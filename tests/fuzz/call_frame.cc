// decode_response, which reads what a worker wrote, and decode_request; the first byte chooses.
#include "shared/channel/call_frame.h"

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/value_bytes.h"
#include "tests/fuzz/value_checks.h"
#include "tests/support/sample_values.h"

namespace hubcell::fuzz {
namespace {

using channel::CallRequest;
using channel::CallResponse;

enum class Side : std::uint8_t { Response, Request };

void check_response(std::span<const std::byte> bytes, Memory& from, Memory& to) {
  const CallResponse response = channel::decode_response(bytes, from.reader());
  check_value(response.value, from);
  check_value(response.state, from);
  if (!is_small(response.value) || !is_small(response.state)) return;
  const CallResponse copy =
      channel::decode_response(channel::encode_response(response, to.writer()), to.reader());
  check_same(copy.value, response.value);
  check_same(copy.state, response.state);
  HUBCELL_CHECK(copy.released_blocks == response.released_blocks);
  HUBCELL_CHECK(copy.failure.has_value() == response.failure.has_value());
  if (!response.failure) return;
  HUBCELL_CHECK(copy.failure->code == response.failure->code &&
                copy.failure->message == response.failure->message);
  HUBCELL_CHECK(copy.failure->remote.has_value() == response.failure->remote.has_value());
}

void check_request(std::span<const std::byte> bytes, Memory& from, Memory& to) {
  const CallRequest request = channel::decode_request(bytes, from.reader());
  const Value arguments = Tuple{request.arguments};
  check_value(arguments, from);
  for (const auto& [name, value] : request.keywords)
    check_value(value, from);
  if (!is_small(Tuple{{arguments, request.state}})) return;
  const CallRequest copy =
      channel::decode_request(channel::encode_request(request, to.writer()), to.reader());
  check_same(Tuple{copy.arguments}, arguments);
  check_same(copy.state, request.state);
  HUBCELL_CHECK(copy.verb == request.verb && copy.target == request.target && copy.name == request.name);
  HUBCELL_CHECK(copy.keywords.size() == request.keywords.size());
}

void put_numbers(wire::SpanWriter& writer, Random& random) {
  std::vector<std::uint64_t> numbers(random.below(3));
  for (std::uint64_t& number : numbers)
    number = random.edge();
  writer(numbers);
}

void put_side(wire::SpanWriter& writer, Side side) {
  writer(static_cast<std::uint8_t>(side));
}

ByteString behind(Side side, std::span<const std::byte> frame) {
  wire::SpanWriter writer;
  put_side(writer, side);
  writer.append(frame.data(), frame.size());
  return writer.take_bytes();
}

void generate_response(wire::SpanWriter& writer, Random& random) {
  put_side(writer, Side::Response);
  const bool failed = random.one_in(3);
  writer(failed);
  put_numbers(writer, random);
  if (failed) {
    const bool is_remote = random.one_in(2);
    writer(static_cast<std::uint8_t>(random.below(14)), std::string("message"), is_remote);
    if (is_remote) writer(std::string("type"), std::string("Base"), std::string(), std::string("trace"));
  }
  write_any_values(writer, random, {.begin = 0, .bytes = kMemoryBytes}, 2);
}

void generate_request(wire::SpanWriter& writer, Random& random) {
  put_side(writer, Side::Request);
  const std::size_t arguments = random.below(3);
  const std::size_t keywords = random.below(3);
  writer(static_cast<std::uint8_t>(random.below(9)), random.next(), std::string("name"), random.one_in(2),
         static_cast<std::uint32_t>(arguments), static_cast<std::uint32_t>(keywords));
  for (std::size_t i = 0; i < keywords; ++i)
    writer(std::string(i, 'k'));
  write_any_values(writer, random, {.begin = 0, .bytes = kMemoryBytes}, arguments + keywords + 1);
}

}  // namespace

Verdict run_input(std::span<const std::byte> input) {
  static Memory from, to;
  if (input.empty()) return Verdict::Refused;
  from.reset();
  to.reset();
  try {
    const bool is_request = input[0] == static_cast<std::byte>(Side::Request);
    (is_request ? check_request : check_response)(input.subspan(1), from, to);
    return Verdict::Accepted;
  } catch (const Error& refusal) {
    // System: a copy without gaps may need more room than the original.
    HUBCELL_CHECK(refusal.code() == ErrorCode::Protocol || refusal.code() == ErrorCode::System);
    return Verdict::Refused;
  }
}

std::vector<Seed> make_seeds() {
  std::vector<Seed> seeds;
  const auto add_response = [&](const std::string& name, const CallResponse& response) {
    Memory memory;
    seeds.push_back({.name = "response_" + name,
                     .bytes = behind(Side::Response, channel::encode_response(response, memory.writer()))});
  };
  const auto add_request = [&](const std::string& name, const CallRequest& request) {
    Memory memory;
    seeds.push_back({.name = "request_" + name,
                     .bytes = behind(Side::Request, channel::encode_request(request, memory.writer()))});
  };
  const Tensor tensor = Tensor::zeros(DType::Float32, {1, 2, 3});
  add_response("empty", {});
  add_response(
      "with_tensor",
      {.failure = {}, .value = tensor, .state = Dict{{{"grad", true}}}, .released_blocks = {64, 128}});
  add_response("with_all",
               {.failure = {}, .value = tests::all_samples(), .state = None{}, .released_blocks = {}});
  add_response("failed",
               {.failure = channel::CallFailure{.code = ErrorCode::Usage, .message = "no", .remote = {}},
                .value = {},
                .state = {},
                .released_blocks = {}});
  add_response("raised",
               {.failure = channel::CallFailure{.code = ErrorCode::Remote,
                                                .message = "raised",
                                                .remote = RemoteException{"ValueError", "ValueError", "bad",
                                                                          "at line 1"}},
                .value = {},
                .state = {},
                .released_blocks = {}});
  add_request("release", {});
  CallRequest call;
  call.verb = channel::Verb::Call;
  call.target = 7;
  call.name = "forward";
  call.arguments = {tensor, 1, "text"};
  call.keywords = {{"scale", 0.5}};
  call.grad_enabled = true;
  call.state = Dict{{{"dtype", DType::Float32}}};
  add_request("call", call);
  return seeds;
}

ByteString generate(Random& random) {
  wire::SpanWriter writer;
  (random.one_in(3) ? generate_request : generate_response)(writer, random);
  return writer.take_bytes();
}

}  // namespace hubcell::fuzz

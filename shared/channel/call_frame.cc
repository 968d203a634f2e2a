#include "shared/channel/call_frame.h"

namespace hubcell::channel {
namespace {

// An empty name, and a value without content.
constexpr std::size_t kKeywordBytesMin = sizeof(std::uint32_t) + 1;

struct FailureFields {
  CallFailure& failure;

  template <class Archive>
  void serialize(Archive& archive) {
    bool has_remote = failure.remote.has_value();
    archive(wire::checked_enum(failure.code, kErrorCodeLast), failure.message, has_remote);
    if (!has_remote) return;
    if (!failure.remote) failure.remote.emplace();
    archive(failure.remote->type, failure.remote->builtin, failure.remote->message,
            failure.remote->traceback);
  }
};

}  // namespace

std::vector<std::byte> encode_request(const CallRequest& request, const ValueWriteContext& context) {
  wire::SpanWriter writer;
  Verb verb = request.verb;
  writer(wire::checked_enum(verb, kVerbLast), request.target, request.name, request.grad_enabled,
         static_cast<std::uint32_t>(request.arguments.size()),
         static_cast<std::uint32_t>(request.keywords.size()));
  std::vector<const Value*> values;
  values.reserve(request.arguments.size() + request.keywords.size() + 1);
  for (const Value& argument : request.arguments)
    values.push_back(&argument);
  for (const auto& [name, value] : request.keywords) {
    writer(name);
    values.push_back(&value);
  }
  values.push_back(&request.state);
  write_values(writer, values, context);
  return writer.take_bytes();
}

CallRequest decode_request(std::span<const std::byte> bytes, const ValueReadContext& context) {
  wire::SpanReader reader(bytes);
  CallRequest request;
  reader(wire::checked_enum(request.verb, kVerbLast), request.target, request.name, request.grad_enabled);
  const std::size_t arguments = reader.take_count(1);
  const std::size_t keywords = reader.take_count(kKeywordBytesMin);
  for (std::size_t i = 0; i < keywords; ++i)
    reader(request.keywords.emplace_back().first);
  std::vector<Value> values = read_values(reader, arguments + keywords + 1, context);
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  request.state = std::move(values.back());
  for (std::size_t i = 0; i < keywords; ++i)
    request.keywords[i].second = std::move(values[arguments + i]);
  values.resize(arguments);
  request.arguments = std::move(values);
  return request;
}

std::vector<std::byte> encode_response(const CallResponse& response, const ValueWriteContext& context) {
  wire::SpanWriter writer;
  writer(response.failure.has_value(), response.released_blocks);
  if (response.failure) {
    CallFailure failure = *response.failure;
    writer(FailureFields{failure});
  }
  const Value* const values[] = {&response.value, &response.state};
  write_values(writer, values, context);
  return writer.take_bytes();
}

CallResponse decode_response(std::span<const std::byte> bytes, const ValueReadContext& context) {
  wire::SpanReader reader(bytes);
  CallResponse response;
  bool failed = false;
  reader(failed, response.released_blocks);
  if (failed) {
    response.failure.emplace();
    FailureFields fields{*response.failure};
    reader(fields);
  }
  std::vector<Value> values = read_values(reader, 2, context);
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  response.value = std::move(values[0]);
  response.state = std::move(values[1]);
  return response;
}

}  // namespace hubcell::channel

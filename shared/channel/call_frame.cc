#include "shared/channel/call_frame.h"

namespace hubcell::channel {
namespace {

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
  writer(wire::checked_enum(verb, kVerbLast), request.target, request.name, request.grad_enabled);
  Dict keywords;
  for (const auto& [name, value] : request.keywords)
    keywords.items.emplace_back(name, value);
  write_value(writer, Tuple{{Tuple{request.arguments}, std::move(keywords), request.state}}, context);
  return writer.take_bytes();
}

CallRequest decode_request(std::span<const std::byte> bytes, const ValueReadContext& context) {
  wire::SpanReader reader(bytes);
  CallRequest request;
  reader(wire::checked_enum(request.verb, kVerbLast), request.target, request.name, request.grad_enabled);
  const Value content = read_value(reader, context);
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  if (!content.is<Tuple>() || content.size() != 3 || !content[0].is<Tuple>() || !content[1].is<Dict>())
    wire::malformed("a request holds no arguments, keywords and state");
  request.arguments = content[0].as<Tuple>().items;
  for (const auto& [name, value] : content[1].as<Dict>().items) {
    if (!name.is<std::string>()) wire::malformed("a keyword is no str");
    request.keywords.emplace_back(name.text(), value);
  }
  request.state = content[2];
  return request;
}

std::vector<std::byte> encode_response(const CallResponse& response, const ValueWriteContext& context) {
  wire::SpanWriter writer;
  writer(response.failure.has_value(), response.released_blocks);
  if (response.failure) {
    CallFailure failure = *response.failure;
    writer(FailureFields{failure});
  }
  write_value(writer, Tuple{{response.value, response.state}}, context);
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
  const Value content = read_value(reader, context);
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  if (!content.is<Tuple>() || content.size() != 2) wire::malformed("a response holds no value and state");
  response.value = content[0];
  response.state = content[1];
  return response;
}

}  // namespace hubcell::channel

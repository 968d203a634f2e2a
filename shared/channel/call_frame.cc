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

std::vector<std::byte> encode_request(const CallRequest& request, const BlockPlacer& place_block) {
  wire::SpanWriter writer;
  Verb verb = request.verb;
  writer(wire::checked_enum(verb, kVerbLast), request.target, request.name, request.released_handles,
         request.released_blocks);
  write_value(writer, Tuple{request.arguments}, place_block);
  Dict keywords;
  for (const auto& [name, value] : request.keywords)
    keywords.items.emplace_back(name, value);
  write_value(writer, keywords, place_block);
  return writer.take_bytes();
}

CallRequest decode_request(std::span<const std::byte> bytes, const ValueReadContext& context) {
  wire::SpanReader reader(bytes);
  CallRequest request;
  reader(wire::checked_enum(request.verb, kVerbLast), request.target, request.name, request.released_handles,
         request.released_blocks);
  Value arguments = read_value(reader, context);
  Value keywords = read_value(reader, context);
  if (!arguments.is<Tuple>() || !keywords.is<Dict>()) wire::malformed("arguments are no tuple and dict");
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  request.arguments = arguments.as<Tuple>().items;
  for (const auto& [name, value] : keywords.as<Dict>().items) {
    if (!name.is<std::string>()) wire::malformed("a keyword is no str");
    request.keywords.emplace_back(name.text(), value);
  }
  return request;
}

std::vector<std::byte> encode_response(const CallResponse& response, const BlockPlacer& place_block) {
  wire::SpanWriter writer;
  writer(response.failure.has_value(), response.released_blocks);
  if (response.failure) {
    CallFailure failure = *response.failure;
    writer(FailureFields{failure});
  } else {
    write_value(writer, response.value, place_block);
  }
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
  } else {
    response.value = read_value(reader, context);
  }
  if (reader.bytes_left() != 0) wire::malformed("bytes are left over");
  return response;
}

}  // namespace hubcell::channel

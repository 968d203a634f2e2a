// What a call slot's blocks hold: a request (client to worker) and its response (worker to client).
//
// Requests also carry what the client no longer needs (handles, blocks of answers), responses the argument
// blocks that the worker no longer looks at, so that giving memory back costs no round trip of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hubcell/error.h>
#include <hubcell/value.h>

#include "shared/value/value_codec.h"

namespace hubcell::channel {

// Numbers are on the wire: append, never reorder.
enum class Verb : std::uint8_t {
  Release = 0,       // nothing but the released lists
  List = 1,          // -> list of entrypoint names
  Help = 2,          // name: "", "entry" or "entry.method" -> str
  Load = 3,          // name: entrypoint, arguments, keywords -> what it returned
  Call = 4,          // target, name: method or "" for the object itself, arguments, keywords -> the answer
  GetAttribute = 5,  // target, name -> the attribute
  MakeInputs = 6,    // arguments: (seed or None, list of input specs) -> tuple of values
  Represent = 7,     // target -> str, as Python's repr
};
inline constexpr Verb kVerbLast = Verb::Represent;

struct CallRequest {
  Verb verb = Verb::Release;
  std::uint64_t target = 0;
  std::string name;
  std::vector<Value> arguments;
  std::vector<std::pair<std::string, Value>> keywords;
  std::vector<std::uint64_t> released_handles;  // ids
  std::vector<std::uint64_t> released_blocks;   // offsets in the worker's area
};

struct CallFailure {
  ErrorCode code = ErrorCode::Remote;
  std::string message;
  std::optional<RemoteException> remote;
};

// Exactly one of `failure` and `value` counts.
struct CallResponse {
  std::optional<CallFailure> failure;
  Value value;
  std::vector<std::uint64_t> released_blocks;  // offsets in the client's area
};

std::vector<std::byte> encode_request(const CallRequest& request, const BlockPlacer& place_block);
CallRequest decode_request(std::span<const std::byte> bytes, const ValueReadContext& context);

std::vector<std::byte> encode_response(const CallResponse& response, const BlockPlacer& place_block);
// Throws Error(Protocol) on anything malformed: the worker is then lying.
CallResponse decode_response(std::span<const std::byte> bytes, const ValueReadContext& context);

}  // namespace hubcell::channel

// What a call slot's blocks hold: a request (client to worker) and its response (worker to client).
//
// Responses also carry the argument blocks that the worker no longer looks at, so that giving memory back costs no round
// trip of its own. What the client no longer needs goes beside the requests (layout.h).
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
  Nothing = 0,
  List = 1,          // -> list of entrypoint names
  Help = 2,          // name: "", "entry" or "entry.method" -> str
  Load = 3,          // name: entrypoint, arguments, keywords -> what it returned
  Call = 4,          // target, name: method or "" for the object itself, arguments, keywords -> the answer
  GetAttribute = 5,  // target, name -> the attribute
  MakeInputs = 6,    // arguments: (seed or None, list of input specs) -> tuple of values
  Operate = 7,       // target, name: an operation (worker/objects/operations.py), arguments -> its result
  Docstring = 8,     // name: an entrypoint -> its __doc__
  Observed = 9,  // -> list of (kind, what, why it was refused or ""), of a worker that notes it (observer.py)
  Dependencies = 10,  // -> list of the packages that hubconf.py names
};
inline constexpr Verb kVerbLast = Verb::Dependencies;

struct CallRequest {
  Verb verb = Verb::Nothing;
  std::uint64_t target = 0;
  std::string name;
  std::vector<Value> arguments;
  std::vector<std::pair<std::string, Value>> keywords;
  bool grad_enabled = false;
  // What the caller's process has set that the call may depend on, or None: a dict (worker/caller_state.py).
  Value state;
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
  Value state;  // what the call changed of the request's state: a dict, or None
  std::vector<std::uint64_t> released_blocks;  // offsets in the client's area
};

std::vector<std::byte> encode_request(const CallRequest& request, const ValueWriteContext& context);
CallRequest decode_request(std::span<const std::byte> bytes, const ValueReadContext& context);

std::vector<std::byte> encode_response(const CallResponse& response, const ValueWriteContext& context);
// Throws Error(Protocol) on anything malformed: the worker is then lying.
CallResponse decode_response(std::span<const std::byte> bytes, const ValueReadContext& context);

}  // namespace hubcell::channel

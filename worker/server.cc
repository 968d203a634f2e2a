#include "worker/server.h"

#include <hubcell/error.h>

#include "shared/python/python.h"
#include "shared/wire/limits.h"

namespace hubcell::worker {
namespace {

channel::CallFailure failure_of(const Error& error) {
  return {.code = error.code(), .message = error.what(), .remote = error.remote()};
}

}  // namespace

void Server::run() {
  while (!channel_.is_closed()) {
    PyThreadState* const state = PyEval_SaveThread();
    const std::optional<channel::WorkerChannel::Request> request = channel_.next();
    PyEval_RestoreThread(state);
    // An interrupt that came too late for its call is nobody's.
    if (PyErr_CheckSignals() != 0) PyErr_Clear();
    if (request) serve(*request);
  }
}

void Server::serve(const channel::WorkerChannel::Request& request) {
  current_ = request;
  channel::CallResponse response = perform(request.frame);
  current_.reset();
  // Named only now: the arguments of this call were dropped with the request.
  response.released_blocks = channel_.take_released_arguments();
  channel_.answer(request, encode(response));
}

channel::CallResponse Server::perform(std::span<const std::byte> frame) {
  const ValueReadContext context{
      .map_block = [this](const Block& block) { return channel_.map_argument(block); },
      .bind_handle = [](std::uint64_t) { return nullptr; }};
  channel::CallResponse response;
  const std::uint64_t first_new_object = objects_.next_id();
  try {
    channel::CallRequest request = channel::decode_request(frame, context);
    for (const std::uint64_t id : std::exchange(request.released_handles, {}))
      objects_.release(id);
    channel_.free_answers(request.released_blocks);
    // Nobody waits for a call that was given up before its turn.
    const bool is_wanted = request.verb != channel::Verb::Release && !is_cancelled();
    if (is_wanted) response.value = verbs_.perform(request);
    return response;
  } catch (const Error& error) {
    response.failure = failure_of(error);
  } catch (const std::bad_alloc&) {
    response.failure = {
        .code = ErrorCode::System,
        .message = "the worker's memory budget is used up; pass smaller inputs or a larger budget",
        .remote = {}};
  }
  // The handles of an answer that is not given name objects that nobody could release.
  objects_.release_from(first_new_object);
  return response;
}

std::vector<std::byte> Server::encode(channel::CallResponse& response) {
  std::vector<std::uint64_t> lent;
  const BlockPlacer place = [&](const Tensor& tensor) {
    const Block block = channel_.lend(tensor);
    lent.push_back(block.offset);
    return block;
  };
  try {
    std::vector<std::byte> bytes = channel::encode_response(response, place);
    if (bytes.size() <= wire::kFrameBytesMax) return bytes;
    throw Error(ErrorCode::Usage, "the answer is larger than " + std::to_string(wire::kFrameBytesMax) +
                                      " bytes beside its tensors; return numbers as tensors");
  } catch (const Error& error) {
    channel_.free_answers(lent);
    response.value = Value();
    response.failure = failure_of(error);
  }
  return channel::encode_response(response, place);
}

}  // namespace hubcell::worker

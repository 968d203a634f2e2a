#include "worker/server.h"

#include <map>

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
    if (request) {
      serve(*request);
    } else {
      release_objects();
    }
  }
}

void Server::release_objects() {
  for (const std::uint64_t id : channel_.take_released_handles())
    objects_.release(id);
}

void Server::serve(const channel::WorkerChannel::Request& request) {
  current_ = request;
  release_objects();
  first_new_object_ = objects_.next_id();
  channel::CallResponse response = answer_to(request.frame);
  current_.reset();
  // Named only now: the arguments of this call were dropped with the request.
  response.released_blocks = channel_.take_released_arguments();
  channel_.answer(request, encode(response));
}

channel::CallResponse Server::answer_to(std::span<const std::byte> frame) {
  const ValueReadContext context{
      .map_block = [this](const Block& block) { return channel_.map_argument(block); },
      .bind_handle = [](std::uint64_t) { return nullptr; }};
  channel::CallResponse response;
  try {
    take(channel::decode_request(frame, context), response);
  } catch (const Error& error) {
    response.failure = failure_of(error);
  }
  return response;
}

void Server::take(const channel::CallRequest& request, channel::CallResponse& response) {
  // Nobody waits for a call that was given up before its turn.
  if (is_cancelled()) return;
  perform(request, response);
  response.state = caller_state_.leave();
}

void Server::perform(const channel::CallRequest& request, channel::CallResponse& response) {
  try {
    caller_state_.enter(request.state);
    response.value = verbs_.perform(request);
    return;
  } catch (const Error& error) {
    response.failure = failure_of(error);
  } catch (const std::bad_alloc&) {
    response.failure = {
        .code = ErrorCode::System,
        .message = "the worker's memory budget is used up; pass smaller inputs or a larger budget",
        .remote = {}};
  }
  objects_.release_from(first_new_object_);
}

// Each block of the answer is lent once, however many tensors lie in it.
PlacedTensors Server::lend(std::span<const Tensor* const> tensors, std::vector<std::uint64_t>& lent) {
  PlacedTensors result{.blocks = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
  std::map<const void*, std::uint32_t> known;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = *tensors[i];
    if (tensor.count() == 0) continue;
    const auto* begin = static_cast<const std::byte*>(tensor.owner().get());
    const auto [block, is_new] = known.emplace(begin, static_cast<std::uint32_t>(result.blocks.size()));
    if (is_new) {
      result.blocks.push_back(channel_.lend(tensor.owner()));
      lent.push_back(result.blocks.back().offset);
    }
    result.tensors[i].block = block->second;
    result.tensors[i].begin = static_cast<std::uint64_t>(tensor.data() - begin);
    if (!tensor.is_contiguous()) result.tensors[i].strides = tensor.strides();
  }
  return result;
}

std::vector<std::byte> Server::encode(channel::CallResponse& response) {
  std::vector<std::uint64_t> lent;
  const ValueWriteContext context{
      .place_tensors = [&](std::span<const Tensor* const> tensors) { return lend(tensors, lent); }};
  try {
    std::vector<std::byte> bytes = channel::encode_response(response, context);
    if (bytes.size() <= wire::kFrameBytesMax) return bytes;
    throw Error(ErrorCode::Usage, "the answer is larger than " + std::to_string(wire::kFrameBytesMax) +
                                      " bytes beside its tensors; return numbers as tensors");
  } catch (const Error& error) {
    channel_.free_answers(lent);
    objects_.release_from(first_new_object_);
    response.value = Value();
    response.state = Value();
    response.failure = failure_of(error);
  }
  return channel::encode_response(response, context);
}

}  // namespace hubcell::worker

#include "worker/server.h"

#include <malloc.h>

#include <hubcell/error.h>

#include "shared/python/python.h"
#include "shared/value/identity_map.h"
#include "shared/wire/limits.h"

namespace hubcell::worker {
namespace {

constexpr std::chrono::seconds kRestAfter{5};

channel::CallFailure failure_of(const Error& error) {
  return {.code = error.code(), .message = error.what(), .remote = error.remote()};
}

}  // namespace

void Server::run() {
  while (!channel_.is_closed()) {
    const std::optional<channel::WorkerChannel::Request> request = next_request();
    // An interrupt that came too late for its call is nobody's.
    if (PyErr_CheckSignals() != 0) PyErr_Clear();
    if (request) {
      serve(*request);
    } else {
      take_released();
      rest();
    }
    if (request ? weights_.is_overdue() : weights_.has_work()) weights_.work();
  }
}

// A request that comes at once spares the way out of Python and back.
std::optional<channel::WorkerChannel::Request> Server::next_request() {
  if (const auto request = channel_.next_at_once()) return request;
  PyThreadState* const state = PyEval_SaveThread();
  const auto request = channel_.next(!weights_.has_work());
  PyEval_RestoreThread(state);
  return request;
}

// What calls left in the heap is given back when none has come for a while: the next one would find it warm.
void Server::rest() {
  if (rested_ || std::chrono::steady_clock::now() - last_request_ < kRestAfter) return;
  rested_ = true;
  ::malloc_trim(0);
}

void Server::take_released() {
  const channel::WorkerChannel::Released released = channel_.take_released();
  for (const std::uint64_t id : released.handles)
    objects_.release(id);
  for (const std::uint32_t segment : released.segments)
    weights_.take_back(segment);
}

void Server::serve(const channel::WorkerChannel::Request& request) {
  current_ = request;
  rested_ = false;
  take_released();
  first_new_object_ = objects_.next_id();
  channel::CallResponse response = answer_to(request.frame);
  current_.reset();
  // Named only now: the arguments of this call were dropped with the request.
  response.released_blocks = channel_.take_released_arguments();
  channel_.answer(request, encode(response));
  last_request_ = std::chrono::steady_clock::now();
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
PlacedTensors Server::lend(std::span<const Tensor* const> tensors, std::vector<Block>& lent) {
  PlacedTensors result{.blocks = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
  IdentityMap<std::uint32_t> known;  // by the block's begin: its place in the message
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = *tensors[i];
    if (tensor.count() == 0) continue;
    const auto* begin = static_cast<const std::byte*>(tensor.owner().get());
    const std::uint32_t* block = known.find(begin);
    if (block == nullptr) {
      block = &known.insert(begin, static_cast<std::uint32_t>(result.blocks.size()));
      result.blocks.push_back(channel_.owns(begin) ? channel_.lend(tensor.owner()) : weights_.lend(begin));
      lent.push_back(result.blocks.back());
    }
    result.tensors[i].block = *block;
    result.tensors[i].begin = static_cast<std::uint64_t>(tensor.data() - begin);
    if (!tensor.is_contiguous()) result.tensors[i].strides = tensor.strides();
  }
  return result;
}

void Server::take_back(std::span<const Block> lent) {
  std::vector<std::uint64_t> answers;
  for (const Block& block : lent) {
    if (block.segment == 0) {
      answers.push_back(block.offset);
    } else {
      weights_.take_back(block.segment);
    }
  }
  channel_.free_answers(answers);
}

std::vector<std::byte> Server::encode(channel::CallResponse& response) {
  std::vector<Block> lent;
  const ValueWriteContext context{
      .place_tensors = [&](std::span<const Tensor* const> tensors) { return lend(tensors, lent); }};
  try {
    std::vector<std::byte> bytes = channel::encode_response(response, context);
    if (bytes.size() <= wire::kFrameBytesMax) return bytes;
    throw Error(ErrorCode::Usage, "the answer is larger than " + std::to_string(wire::kFrameBytesMax) +
                                      " bytes beside its tensors; return numbers as tensors");
  } catch (const Error& error) {
    take_back(lent);
    objects_.release_from(first_new_object_);
    response.value = Value();
    response.state = Value();
    response.failure = failure_of(error);
  }
  return channel::encode_response(response, context);
}

}  // namespace hubcell::worker

// Serves the calls of one channel: decodes a request, performs it, answers.
#pragma once

#include <chrono>
#include <optional>

#include "shared/channel/call_frame.h"
#include "shared/channel/worker_channel.h"
#include "worker/caller_state.h"
#include "worker/objects/object_table.h"
#include "worker/verbs.h"
#include "worker/weights/weights.h"

namespace hubcell::worker {

// The serving thread holds the GIL except while it waits.
class Server {
 public:
  Server(channel::WorkerChannel& channel, ObjectTable& objects, Verbs& verbs, CallerState& caller_state,
         Weights& weights)
      : channel_(channel), objects_(objects), verbs_(verbs), caller_state_(caller_state), weights_(weights) {}

  // Serves until the channel is closed.
  void run();
  // Whether the caller of the request that is being served has given up on it.
  bool is_cancelled() const { return current_ && channel_.is_cancelled(*current_); }

 private:
  void take_released();
  void rest();
  std::optional<channel::WorkerChannel::Request> next_request();
  void serve(const channel::WorkerChannel::Request& request);
  channel::CallResponse answer_to(std::span<const std::byte> frame);
  void take(const channel::CallRequest& request, channel::CallResponse& response);
  void perform(const channel::CallRequest& request, channel::CallResponse& response);
  PlacedTensors lend(std::span<const Tensor* const> tensors, std::vector<Block>& lent);
  void take_back(std::span<const Block> lent);
  std::vector<std::byte> encode(channel::CallResponse& response);

  channel::WorkerChannel& channel_;
  ObjectTable& objects_;
  Verbs& verbs_;
  CallerState& caller_state_;
  Weights& weights_;
  std::optional<channel::WorkerChannel::Request> current_;
  std::chrono::steady_clock::time_point last_request_;
  bool rested_ = true;  // since then
  // Of those that the request makes. Where its answer is not given nobody could release them: they are taken back.
  std::uint64_t first_new_object_ = 0;
};

}  // namespace hubcell::worker

// Serves the calls of one channel: decodes a request, performs it, answers.
#pragma once

#include <optional>

#include "shared/channel/call_frame.h"
#include "shared/channel/worker_channel.h"
#include "worker/caller_state.h"
#include "worker/objects/object_table.h"
#include "worker/verbs.h"

namespace hubcell::worker {

// The serving thread holds the GIL except while it waits.
class Server {
 public:
  Server(channel::WorkerChannel& channel, ObjectTable& objects, Verbs& verbs, CallerState& caller_state)
      : channel_(channel), objects_(objects), verbs_(verbs), caller_state_(caller_state) {}

  // Serves until the channel is closed.
  void run();
  // Whether the caller of the request that is being served has given up on it.
  bool is_cancelled() const { return current_ && channel_.is_cancelled(*current_); }

 private:
  void release_objects();
  void serve(const channel::WorkerChannel::Request& request);
  channel::CallResponse answer_to(std::span<const std::byte> frame);
  void take(const channel::CallRequest& request, channel::CallResponse& response);
  void perform(const channel::CallRequest& request, channel::CallResponse& response);
  PlacedTensors lend(std::span<const Tensor* const> tensors, std::vector<std::uint64_t>& lent);
  std::vector<std::byte> encode(channel::CallResponse& response);

  channel::WorkerChannel& channel_;
  ObjectTable& objects_;
  Verbs& verbs_;
  CallerState& caller_state_;
  std::optional<channel::WorkerChannel::Request> current_;
  // Of those that the request makes. Where its answer is not given nobody could release them: they are taken back.
  std::uint64_t first_new_object_ = 0;
};

}  // namespace hubcell::worker

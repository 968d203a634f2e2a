// Serves the calls of one channel: decodes a request, performs it, answers.
#pragma once

#include <optional>

#include "shared/channel/call_frame.h"
#include "shared/channel/worker_channel.h"
#include "shared/python/convert.h"
#include "worker/objects/object_table.h"
#include "worker/verbs.h"

namespace hubcell::worker {

// The serving thread holds the GIL except while it waits.
class Server {
 public:
  Server(channel::WorkerChannel& channel, ObjectTable& objects, Verbs& verbs)
      : channel_(channel), objects_(objects), verbs_(verbs) {}

  // Serves until the channel is closed.
  void run();
  // Whether the caller of the request that is being served has given up on it.
  bool is_cancelled() const { return current_ && channel_.is_cancelled(*current_); }

 private:
  void serve(const channel::WorkerChannel::Request& request);
  channel::CallResponse perform(std::span<const std::byte> frame);
  std::vector<std::byte> encode(channel::CallResponse& response);

  channel::WorkerChannel& channel_;
  ObjectTable& objects_;
  Verbs& verbs_;
  std::optional<channel::WorkerChannel::Request> current_;
};

}  // namespace hubcell::worker

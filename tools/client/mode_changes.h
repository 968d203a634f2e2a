// What a caller changed of a model since its load: its mode (train, eval), its dtype and device, what requires gradients, its
// attributes, its weights. Applied again to a model that was loaded again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "shared/channel/call_frame.h"

namespace hubcell::client {

// Whether `request` is such a change.
bool changes_model(const channel::CallRequest& request);
// Whether it is one by the name of a method: "eval".
bool is_mode_method(const std::string& method);
// Whether `request` is such a change, and of a kind that can be made again: its arguments name no object of a worker.
bool is_mode_change(const channel::CallRequest& request);

class ModeChanges {
 public:
  struct Change {
    std::size_t handle = 0;  // of the model's: which one was changed
    channel::CallRequest request;
    std::string kind;                // one of a kind takes the place of that before
    std::vector<std::byte> encoded;  // to compare; empty where it holds tensors
  };

  // In the order in which they are to be made.
  const std::vector<Change>& all() const { return changes_; }
  void note(std::size_t handle, channel::CallRequest request);
  // More than kChangesMax were made that cannot be reckoned as fewer.
  bool are_too_many() const { return too_many_; }

 private:
  std::vector<Change> changes_;
  bool too_many_ = false;
};

}  // namespace hubcell::client

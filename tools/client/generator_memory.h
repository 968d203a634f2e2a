// Which state of torch's generator a worker is known to have, so that a caller's state (5 KB) travels only where it
// is another one.
#pragma once

#include <hubcell/value.h>

#include <mutex>

namespace hubcell::client {

// Thread-safe. While several calls are in flight nothing is known: they run in an order that is not the
// caller's.
class GeneratorMemory {
 public:
  // The state to send for a call: `state` itself, or with None under "torch" where the worker has that already.
  Value begin(const Value& state);
  // A call ended; `sent` is the caller's state and `moved` what the worker says that it changed.
  void end(const Value& sent, const Value& moved);

 private:
  std::mutex mutex_;
  std::size_t in_flight_ = 0;
  bool was_alone_ = false;  // no other call was in flight since the last one began
  Tensor known_;            // a copy; the last state that was known
  bool is_known_ = false;   // to be the worker's still
};

}  // namespace hubcell::client

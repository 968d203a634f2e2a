// A call in flight, from its start to its one outcome: an answer, an exception of the foreign code, the worker's
// death, its deadline, or the caller's own cancellation.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/value.h>

#include "shared/channel/client_channel.h"

namespace hubcell::client {

class HandleLease;
class LoadBracket;
class Worker;

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// Given the handles of an answer, in their order.
using HandlesTaker = std::function<void(std::span<const std::shared_ptr<HandleLease>>)>;

// What a call is begun with beside its request.
struct CallPlan {
  std::string what;                                // names it in errors: "call forward"
  std::chrono::milliseconds limit{0};              // 0: none
  bool waits_for_slot = false;                     // where too many are in flight, rather than throw
  std::shared_ptr<LoadBracket> bracket = nullptr;  // of a load
  HandlesTaker on_answer = nullptr;  // called where it was answered, before anybody has the answer
};

class PendingCall;

// Calls of other workers whose outcome belongs to one call's: a load's in its other replicas.
struct Companions {
  std::vector<std::unique_ptr<PendingCall>> calls;
  std::function<void()> on_all;  // called where all were answered, before anybody has the answer

  void join();
  bool wait_until(std::chrono::steady_clock::time_point time);
  bool cancel();
};

// `get` is called by one thread, the others by any.
class PendingCall {
 public:
  // Without a ticket: the worker had ended before the call began, and `get` says so. `state` is the caller's.
  PendingCall(std::shared_ptr<Worker> worker, std::optional<channel::Ticket> ticket, CallPlan plan,
              Value state);
  ~PendingCall();
  // Before anybody else has it.
  void accompany(std::unique_ptr<Companions> companions) { companions_ = std::move(companions); }

  // `changed`, where it is not null, gets what the call changed of the caller's state, also where this throws.
  Value get(Value* changed = nullptr);
  bool wait_for(std::chrono::milliseconds time);
  bool is_running();
  bool cancel();
  // What the call changed of the caller's state; after `get`.
  const Value& changed_state() const { return changed_state_; }

 private:
  void wait_polled();
  bool wait_alone(std::chrono::milliseconds time);
  Value wait();
  Value finish();
  [[noreturn]] void miss_deadline();
  [[noreturn]] void throw_cancelled();
  // Ends a call that nobody wants any more, and tells how.
  std::string interrupt();
  void abandon();

  std::shared_ptr<Worker> worker_;
  std::optional<channel::Ticket> ticket_;
  CallPlan plan_;
  Value state_;
  Value changed_state_;
  std::unique_ptr<Companions> companions_;
  Deadline deadline_;
  std::atomic<bool> taken_ = false;
  std::atomic<bool> cancelled_ = false;
  std::mutex ending_;       // held while the call is being ended, by whoever does it
  bool has_ended_ = false;  // its slot is no longer ours; guarded by ending_
};

}  // namespace hubcell::client

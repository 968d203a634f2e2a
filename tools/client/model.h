// What a load returned, and what it takes to have it again after its worker has died.
//
// The death is told once, by the calls in flight or by the next one. The use of a handle after that loads the model again: the same
// commit, entrypoint, arguments and random states; what was changed of it since is changed again (mode_changes.h), and its handles
// name the new objects. No call is repeated. What calls returned cannot be had again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/call_frame.h"
#include "tools/client/handle_lease.h"
#include "tools/client/mode_changes.h"
#include "tools/client/session.h"

namespace hubcell::client {

struct ReplicaGroup;

// How a load is made.
struct LoadRecipe {
  std::string repository;  // as the caller wrote it
  channel::CallRequest request;
  std::chrono::milliseconds limit{0};
  std::uint32_t replica = 0;  // whose worker it is made in
};

// Thread-safe. Its handles keep it alive, and it the worker that it lives in.
class Model : public std::enable_shared_from_this<Model> {
 public:
  // `group`: of replicas, one of which it is; or null.
  Model(std::shared_ptr<Session> session, LoadRecipe recipe, std::shared_ptr<ReplicaGroup> group = nullptr)
      : session_(std::move(session)), recipe_(std::move(recipe)), group_(std::move(group)) {}

  // It lives in `worker`, and its load returned these handles.
  void adopt(std::shared_ptr<Worker> worker, std::span<const std::shared_ptr<HandleLease>> handles);
  // A call of it was answered, and has changed it, where there is a `change` of the how manieth of its handles.
  void note_answer(std::size_t handle, const channel::CallRequest* change);
  // The change was made in other replicas, and is to be made in this one when it is loaded again.
  void note_change(std::size_t handle, const channel::CallRequest& change);
  // Loads it again, where its worker has ended. `what` was attempted. A worker that dies without an answer in between is started
  // again after ever longer pauses, and a few times only: Error(WorkerDied).
  void restore(const std::string& what);
  // Restoring it has failed as often as it is tried.
  bool has_given_up() const { return has_given_up_; }
  // Of the callers that meet a dead replica one restores it: that who claims it first.
  bool claim() { return !is_claimed_.exchange(true); }
  void unclaim() { is_claimed_ = false; }
  bool is_claimed() const { return is_claimed_; }

 private:
  void pause(std::chrono::milliseconds time) const;
  void load_again();

  const std::shared_ptr<Session> session_;
  const LoadRecipe recipe_;
  const std::shared_ptr<ReplicaGroup> group_;
  std::atomic<bool> has_given_up_ = false;
  std::atomic<bool> is_claimed_ = false;
  std::mutex mutex_;  // guards the group below
  std::shared_ptr<Worker> worker_;
  std::vector<std::weak_ptr<HandleLease>> handles_;
  ModeChanges changes_;
  std::size_t fruitless_ = 0;  // times that it was loaded again since its last answer
  std::string last_failure_;
};

// The worker that serves a handle, and the handle's number there. A model whose worker has died, where that was told, is loaded
// again before; of what a call returned it is Error(StaleHandle). `what` was attempted.
HandleLease::Place serve(const HandleLease& lease, const std::string& what);

}  // namespace hubcell::client

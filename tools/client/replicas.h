// Replicas: what one load made in several workers that are alike, any of which may serve a call.
//
// Each replica has a Model of its own (model.h), and so is loaded again by itself when its worker has died. A handle of the load names
// the object of the first replica and holds those of the others; what a call returned lives in the replica that answered. Calls go
// where the fewest are in flight, changes of mode to all. A Hub without replicas has none of this: every call of it finds out by one
// comparison.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/object.h>

#include "shared/channel/call_frame.h"
#include "tools/client/handle_lease.h"
#include "tools/client/pending_call.h"

namespace hubcell::client {

// Of one load.
struct ReplicaGroup {
  // Held alone while all are changed, shared while one is loaded again: it comes back either before a change or with it.
  std::shared_mutex changing;
};

// What a handle of a load is in each replica. Belongs to the lease of the first; does not change once a caller has the handle.
class Replicas {
 public:
  Replicas(std::shared_ptr<ReplicaGroup> group, std::vector<std::shared_ptr<HandleLease>> others)
      : group_(std::move(group)), others_(std::move(others)) {}

  ReplicaGroup& group() const { return *group_; }
  // All but the first.
  const std::vector<std::shared_ptr<HandleLease>>& others() const { return others_; }

 private:
  std::shared_ptr<ReplicaGroup> group_;
  std::vector<std::shared_ptr<HandleLease>> others_;
};

// Where a request goes. While it lives its worker counts as having that call in flight.
class Route {
 public:
  // `counted`: the worker's count has it already.
  Route(const HandleLease& lease, HandleLease::Place place, bool counted)
      : lease_(&lease), place_(std::move(place)), is_counted_(counted) {}
  Route(Route&& other) noexcept
      : lease_(other.lease_),
        place_(std::move(other.place_)),
        is_counted_(std::exchange(other.is_counted_, false)) {}
  Route& operator=(Route&&) = delete;
  ~Route();

  // The handle as the replica has it.
  const HandleLease& lease() const { return *lease_; }
  const HandleLease::Place& place() const { return place_; }

 private:
  const HandleLease* lease_;
  HandleLease::Place place_;
  bool is_counted_;
};

// The worker that serves a request on a handle, under options with replicas, loaded again if need be, with the models that its
// arguments name. Error(Usage) on what would reach one replica although it is meant for all. `what` was attempted.
Route find_route(const Handle& handle, const channel::CallRequest& request, const std::string& what);

// Whether it is a handle of all replicas and the request is for all of them: a change of mode.
bool is_for_all(const HandleLease& lease, const channel::CallRequest& request);

// Starts the request in one replica, where the object is at `place`.
using BeginAt = std::function<std::unique_ptr<PendingCall>(const HandleLease::Place& place)>;
// Makes such a change in all of them, one change at a time, and waits for all. A replica that is not changed as the others are ends, and
// is loaded again in its next use, with the change; the error is told. `changed`: of the caller's state, where it is not null.
Value change_all(const Handle& handle, const channel::CallRequest& request, const std::string& what,
                 const BeginAt& begin, Value* changed);

// Of the worker that the handle names; with replicas, its private memory is that of all.
ModelInfo info_of(const HandleLease& lease);
// The processes of all replicas that have it, the first one's first.
std::vector<std::int64_t> pids_of(const HandleLease& lease);

}  // namespace hubcell::client

#include "tools/client/handle_lease.h"

#include <utility>

#include "tools/client/model.h"
#include "tools/client/replicas.h"
#include "tools/client/worker.h"

namespace hubcell::client {

HandleLease::HandleLease(std::shared_ptr<Worker> worker, std::uint64_t id)
    : place_{.worker = std::move(worker), .id = id} {}

HandleLease::~HandleLease() {
  // It holds the worker too, which is not idle before.
  model_.reset();
  if (!place_.worker) return;
  place_.worker->release_handle(place_.id);
  Worker::let_go(std::move(place_.worker));
}

HandleLease::Place HandleLease::place() const {
  const std::scoped_lock lock(mutex_);
  return place_;
}

HandleLease::Place HandleLease::place_in(const Worker& worker) const {
  Place mine = place();
  if (replicas_ == nullptr || mine.worker.get() == &worker) return mine;
  for (const std::shared_ptr<HandleLease>& other : replicas_->others()) {
    Place place = other->place();
    if (place.worker.get() == &worker) return place;
  }
  return mine;
}

void HandleLease::take_over(HandleLease& other) {
  Place taken;
  {
    const std::scoped_lock lock(other.mutex_);
    taken = std::exchange(other.place_, Place{});
  }
  {
    const std::scoped_lock lock(mutex_);
    std::swap(place_, taken);
  }
  // Of a worker that has ended nothing has to be released.
}

std::shared_ptr<Model> HandleLease::model() const {
  const std::scoped_lock lock(mutex_);
  return model_;
}

std::size_t HandleLease::index() const {
  const std::scoped_lock lock(mutex_);
  return index_;
}

void HandleLease::replicate(std::unique_ptr<const Replicas> replicas) {
  replicas_ = std::move(replicas);
}

void HandleLease::belong_to(std::shared_ptr<Model> model, std::size_t index) {
  const std::scoped_lock lock(mutex_);
  model_ = std::move(model);
  index_ = index;
}

}  // namespace hubcell::client

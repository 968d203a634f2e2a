// What a handle holds in the caller's process: an object of a worker, by its number there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace hubcell::client {

class Model;
class Replicas;
class Worker;

// Tells its worker when the last copy of the handle is gone. Thread-safe.
class HandleLease {
 public:
  HandleLease(std::shared_ptr<Worker> worker, std::uint64_t id);
  ~HandleLease();
  HandleLease(const HandleLease&) = delete;
  HandleLease& operator=(const HandleLease&) = delete;

  struct Place {
    std::shared_ptr<Worker> worker;
    std::uint64_t id = 0;
  };
  Place place() const;
  // The same, in `worker` where that is a replica which has it.
  Place place_in(const Worker& worker) const;
  // Names what `other` named, which names nothing from then on.
  void take_over(HandleLease& other);

  // The model whose load returned it, and the how manieth of its handles it is; null for what calls returned.
  std::shared_ptr<Model> model() const;
  std::size_t index() const;
  void belong_to(std::shared_ptr<Model> model, std::size_t index);

  // Where it is a load's in several workers: what it is in the others (replicas.h); else null.
  const Replicas* replicas() const { return replicas_.get(); }
  // Before any caller has the handle.
  void replicate(std::unique_ptr<const Replicas> replicas);

 private:
  mutable std::mutex mutex_;  // guards the group below
  Place place_;
  std::shared_ptr<Model> model_;
  std::size_t index_ = 0;
  std::unique_ptr<const Replicas> replicas_;
};

}  // namespace hubcell::client

// The worker's end of a channel: takes requests in the order in which they were made, one at a time, and
// answers.
//
// One thread serves; leases of argument blocks may end on any thread. The client is trusted, so that nothing
// that it wrote needs to be copied before it is decoded.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "shared/channel/data_area.h"
#include "shared/channel/layout.h"
#include "shared/channel/waiting.h"
#include "shared/posix/memory.h"
#include "shared/posix/unique_fd.h"
#include "shared/value/value_codec.h"

namespace hubcell::channel {

class WorkerChannel {
 public:
  // `control` is the socket to the supervisor, borrowed: its end of file ends the wait for requests.
  WorkerChannel(posix::UniqueFd memory, int control);
  ~WorkerChannel();
  WorkerChannel(const WorkerChannel&) = delete;
  WorkerChannel& operator=(const WorkerChannel&) = delete;

  struct Request {
    unsigned slot;
    std::span<const std::byte> frame;
  };
  // Waits for the next request; none when the supervisor has closed, when a signal came (EINTR), or when there are
  // releases to take. Not `may_sleep`: none when there is none at once.
  std::optional<Request> next(bool may_sleep = true);
  // The next request, if it comes within kAtOnce: no sleep, no system call.
  std::optional<Request> next_at_once();
  bool is_closed() const { return closed_; }
  // Answers with an encoded response of at most kFrameBytesMax.
  void answer(const Request& request, std::span<const std::byte> response);
  // Whether the caller has given up on the call that is being served.
  bool is_cancelled(const Request& request) const;

  // An argument's memory; when `owner` is gone the block is on the released list.
  MappedBlock map_argument(const Block& block);
  std::vector<std::uint64_t> take_released_arguments();

  // Memory for `bytes` of an answer. It is freed with `owner`, unless `lend` gave it to the client before.
  // Throws Error(System) when the worker's area is full.
  MappedBlock allocate_answer(std::size_t bytes);
  // Whether an owner is of a block that `allocate_answer` made.
  bool owns(const void* owner) const;
  // Names such a block, by its owner; it is the client's until that releases it.
  Block lend(const std::shared_ptr<void>& owner);
  void free_answers(std::span<const std::uint64_t> offsets);
  struct Released {
    std::vector<std::uint64_t> handles;
    std::vector<std::uint32_t> segments;
  };
  // Frees the blocks of answers that the client has let go of, and returns the rest: what no request names that is still to
  // be served. Called between two requests, and between `next` and the work on what it gave.
  Released take_released();

 private:
  struct Shared;
  std::optional<Request> take();
  bool collect();
  std::uint64_t allocate_response(std::size_t bytes);
  bool has_releases() const;
  std::uint64_t next_sequence() const;
  void sleep();

  posix::UniqueFd memory_;
  int control_;
  std::uint64_t area_bytes_;
  std::shared_ptr<Shared> shared_;  // what leases reach from any thread
  View view_;
  SpinBudget spin_budget_;
  std::deque<unsigned> waiting_;  // slots, in order of their sequence
  std::array<std::uint64_t, wire::kSlotCount>
      responses_{};  // each slot's last one in the worker's area; 0: none
  // The sequence of the request that `next` gave and that is not answered yet.
  std::optional<std::uint64_t> serving_;
  std::uint64_t releases_taken_ = 0;
  bool closed_ = false;
};

}  // namespace hubcell::channel

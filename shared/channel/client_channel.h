// The caller's end of a channel: puts requests into slots, waits for answers, and keeps the books of its data
// area.
//
// The worker at the other end is hostile. What it wrote is loaded once, checked against what this side
// created, and copied before it is decoded; tensor bytes stay where they are, since any bytes are a valid
// tensor.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/data_area.h"
#include "shared/channel/layout.h"
#include "shared/channel/waiting.h"
#include "shared/posix/memory.h"
#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"
#include "shared/value/value_codec.h"

namespace hubcell::channel {

// A call in flight.
struct Ticket {
  unsigned slot = 0;
  std::uint64_t request_block = 0;  // where it lies in the client's area; 0: it does not
  std::chrono::steady_clock::time_point begun;
};

enum class WaitOutcome { Answered, DeadlineExceeded, WorkerEnded, GivenUp };

// Thread-safe. Leases of answers keep it alive.
class ClientChannel : public std::enable_shared_from_this<ClientChannel> {
 public:
  // Takes the memfd and the worker's pidfd as they came from the supervisor.
  ClientChannel(posix::UniqueFd memory, posix::UniqueFd pidfd);

  // Memory of the client's area for an argument's `bytes` (at least one). The block is the worker's to look at
  // until it is released. Throws Error(System) when the area is full.
  AllocatedBlock allocate_argument(std::uint64_t bytes);
  // Memory of the client's area that is the caller's own while `owner` lives. Tensors in it need no copy: the worker gets
  // the block itself. Throws as `allocate_argument`.
  MappedBlock reserve(std::uint64_t bytes);
  // The reserved block in which a tensor with elements lies, if it lies in one. As long as somebody holds the tensor:
  std::optional<AllocatedBlock> find_reserved(const Tensor& tensor);
  // Whether it may lie in one: it has elements, in the client's area.
  bool may_be_reserved(const Tensor& tensor) const;
  // One call more names the block at `offset`.
  void lend_reserved(std::uint64_t offset);
  // The worker named these offsets of argument blocks as no longer needed; those that it never got are a lie:
  // Error(Protocol).
  void free_arguments(std::span<const std::uint64_t> offsets);

  // Puts an encoded request into a free slot and rings; none when all of them (kSlotCount) are in flight.
  std::optional<Ticket> begin(std::span<const std::byte> request);
  // Waits a little for a slot to become free.
  void wait_for_slot();
  // Waits for the answer, until `deadline` if there is one, or until `given_up` (may be null) is set.
  WaitOutcome wait(const Ticket& ticket, std::optional<std::chrono::steady_clock::time_point> deadline,
                   const std::atomic<bool>* given_up = nullptr);
  bool is_answered(const Ticket& ticket) const;
  // Those that are not answered yet.
  std::size_t calls_in_flight();
  // Whether the worker says that it still waits behind other calls.
  bool is_queued(const Ticket& ticket) const;
  // Copies the encoded response out and frees the slot. The call must be answered. Error(Protocol) on a lie;
  // the slot is then free all the same.
  std::vector<std::byte> take_response(const Ticket& ticket);
  // Marks the call, so that an interrupt that follows is meant for it.
  void cancel(const Ticket& ticket);

  // Checks a block that an answer names, and leases it: when `owner` is gone the block is released.
  MappedBlock map_answer(const Block& block);
  // Tells the worker that nobody holds the handle any more, which waits for no call: calls begun before may still name
  // it. Where more than kReleaseCount are dropped faster than the worker takes them, what is left is told with the
  // next call or drop.
  void release_handle(std::uint64_t id);
  // Tells the worker that a segment which an answer named was mapped.
  void release_segment(std::uint32_t segment);

  // The worker's process.
  int pidfd() const { return pidfd_.get(); }
  // Whether this is a process that its owner forked: it may read answers that were mapped before, and nothing else.
  bool is_fork() const { return posix::fork_count() != forks_; }

 private:
  struct Argument {
    std::uint64_t bytes = 0;
    std::size_t lent = 0;  // how often the worker got it and has not released it
    bool is_reserved = false;
  };

  std::uint64_t allocate(std::uint64_t bytes, const Argument& argument);
  std::uint64_t allocate_request(std::size_t bytes);
  std::string describe_holders() const;  // of the client's area
  void ring();
  void note_placement(const Ticket& ticket);
  void release(std::uint64_t what);
  bool write_release(std::uint64_t what);
  void write_late_releases();
  void free_unused(std::map<std::uint64_t, Argument>::iterator argument);
  void trim();

  const unsigned forks_ = posix::fork_count();
  posix::UniqueFd memory_;
  posix::UniqueFd pidfd_;
  std::uint64_t area_bytes_;
  posix::Mapping mapping_;
  View view_;
  SpinBudget spin_budget_;
  Placement placement_;

  std::mutex mutex_;  // guards all below
  std::condition_variable slot_freed_;
  DataArea area_;
  std::map<std::uint64_t, Argument> arguments_;  // by offset
  std::uint64_t busy_slots_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t releases_written_ = 0;
  std::vector<std::uint64_t> late_releases_;  // for which the ring had no room
  // Of blocks that the worker was not woken for.
  std::uint64_t quiet_bytes_ = 0;
  std::size_t quiet_blocks_ = 0;
};

}  // namespace hubcell::channel

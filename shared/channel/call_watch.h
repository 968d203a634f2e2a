// A channel seen by the supervisor, which takes no part in its calls: whether any is under way.
//
// What it sees the worker can have written too, and so it decides about that worker only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "shared/channel/layout.h"
#include "shared/posix/memory.h"

namespace hubcell::channel {

class CallWatch {
 public:
  // Maps the slots of the channel behind `memfd` for reading, and keeps no descriptor.
  explicit CallWatch(int memfd);

  // Calls that wait for the worker or run in it.
  std::size_t calls() const;
  // Grows with each call that begins, and so differs between two looks if one did.
  std::uint64_t last_sequence() const;

 private:
  std::span<const Slot> slots() const;

  posix::Mapping mapping_;
};

}  // namespace hubcell::channel

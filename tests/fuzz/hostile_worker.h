// A worker that lies without end: a process that maps a channel and answers requests rightly, wrongly and at
// random, while it changes slots, header and both areas under the client's eyes. What it does follows from a seed;
// when it does it, does not.
#pragma once

#include <cstdint>

#include "shared/posix/unique_fd.h"

namespace hubcell::fuzz {

class HostileWorker {
 public:
  // Forks; the child sees `memory`, borrowed, of two areas of `area_bytes`. Throws Error(System).
  HostileWorker(int memory, std::uint64_t area_bytes, std::uint64_t seed);
  // Ends it.
  ~HostileWorker();
  HostileWorker(const HostileWorker&) = delete;
  HostileWorker& operator=(const HostileWorker&) = delete;

  posix::UniqueFd open_pidfd() const;

 private:
  int pid_;
};

}  // namespace hubcell::fuzz

// What foreign code needs from outside while it loads: files by URL and other repositories, which the supervisor has
// fetched and puts where this worker may read them.
#pragma once

#include <mutex>
#include <string>

#include "shared/python/py_ref.h"
#include "worker/control/control_line.h"

namespace hubcell::worker {

class Supplies {
 public:
  // Borrows the line, which outlives it.
  explicit Supplies(ControlLine& line) : line_(line) {}
  Supplies(const Supplies&) = delete;
  Supplies& operator=(const Supplies&) = delete;

  // For Python: (url, hash_prefix) -> path and (name, refresh) -> path. They raise OSError with the supervisor's words,
  // and whatever a signal's handler raises meanwhile. This outlives them.
  python::PyRef file_function();
  python::PyRef repository_function();

  // The same for C++. With the GIL, which is open to others while this waits; from any thread.
  template <class Wanted>
  std::string want(const Wanted& wanted);

 private:
  std::string await_answer(std::uint64_t request);

  ControlLine& line_;
  std::mutex mutex_;  // one asks at a time
};

}  // namespace hubcell::worker

// Has equal weights of all workers lie in the same pages.
//
// After a load each large storage goes into a segment of the supervisor's, which compares it with those that are there
// (supervisor/weights/store.h), and the segment that comes back is mapped under the storage: the pages are replaced, not the
// tensors, so that every alias, view and reference stays valid. Such pages are private to this process as soon as it writes
// one. It happens in the pauses between calls, a piece at a time, and nothing depends on its being done.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "shared/posix/memory.h"
#include "shared/posix/unique_fd.h"
#include "shared/python/py_ref.h"
#include "shared/value/value_codec.h"
#include "shared/wire/frame.h"
#include "worker/control/control_line.h"
#include "worker/weights/steps.h"

namespace hubcell::worker {

// With the GIL. Borrows the line, which outlives it.
class Weights {
 public:
  // `folder`: of our Python files.
  Weights(ControlLine& line, const std::string& folder);

  // A load has ended; what it made is shared by and by.
  void note_load();
  bool has_work() const { return is_due_ || !sharing_.done(); }
  // Whether calls have come in the way for so long that a call should wait for once.
  bool is_overdue() const;
  // Does some of it: for a few milliseconds.
  void work();

  // Where in a segment the same lies as these bytes; null where they are not shared, or were changed.
  MappedBlock find_equal(std::span<const std::byte> bytes) const;
  // Names the segment that is the `owner` of what find_equal gave; it stays until it was taken back as often.
  Block lend(const void* owner);
  void take_back(std::uint32_t segment);

 private:
  struct Storage {
    python::PyRef object;  // keeps it, until it is shared
    std::span<std::byte> memory;
    std::span<std::byte> pages;  // that are to be replaced
    posix::UniqueFd segment = {};
    std::size_t done = 0;  // bytes of its memory that are written, then of its pages that are mapped
  };
  // A storage whose pages are a segment's, as far as it has not written them since.
  struct Shared {
    std::uint32_t segment = 0;
    std::size_t bytes = 0;                   // of the storage
    std::shared_ptr<posix::Mapping> memory;  // the whole segment
  };
  using Clock = std::chrono::steady_clock;

  Steps share_all();
  std::vector<Storage> find_storages();
  void drop(std::span<const std::uint32_t> segments);
  void forget(PyObject* addresses);
  // A method of weights.py's that is told of one storage.
  python::PyRef call_about(const Storage& storage, const char* method) const;
  bool is_still_there(const Storage& storage) const;
  static std::size_t round_of(std::span<const Storage> left);
  static wire::WantSegments wants_of(std::span<const Storage> round);
  static void take_segments(std::span<Storage> round, wire::Frame answer);
  void take_shared(std::span<Storage> round, wire::Frame answer);
  // Whether there is another piece.
  static bool write_piece(Storage& storage);
  bool map_piece(Storage& storage);

  ControlLine& line_;
  python::PyRef storages_;
  bool is_due_ = false;
  Clock::time_point due_since_;
  Clock::time_point last_work_;
  Steps sharing_;
  std::map<const std::byte*, Shared> shared_;  // by where the storage begins
  std::map<std::uint32_t, std::size_t> lent_;  // segments that answers name, and how often
  std::vector<std::uint32_t> late_drops_;      // of those that are lent
};

}  // namespace hubcell::worker

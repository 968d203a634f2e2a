// A worker's scratch folder: private, writable, gone with the worker.
//
// A lock beside it says that it is in use; folders whose lock is free were left by a template that was
// killed, and are swept at the next start. Foreign code decided what lies in it, and how much: removing it is
// the work of a process of its own, which nobody has to wait for.
#pragma once

#include <string>
#include <vector>

#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"

namespace hubcell::worker {

class ScratchFolder {
 public:
  // A new folder below `root`. Throws Error(System).
  static ScratchFolder create(const std::string& root);

  const std::string& path() const { return path_; }
  // Starts to remove the folder with all that is in it, and then the lock. Whoever wrote in it must have
  // ended.
  posix::ChildProcess remove() const;

 private:
  ScratchFolder(std::string path, posix::UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  posix::UniqueFd lock_;
};

// `<temporary folder>/hubcell-<uid>`, made if need be, of this user alone. Throws Error(System) where
// somebody else was faster.
std::string scratch_root();
// Starts to remove the folders below `root` that nobody uses.
std::vector<posix::ChildProcess> sweep_scratch_folders(const std::string& root);

}  // namespace hubcell::worker

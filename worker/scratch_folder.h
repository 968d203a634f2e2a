// A worker's scratch folder: private, writable, gone with the worker.
//
// A lock beside it says that it is in use; folders whose lock is free were left by a template that was
// killed, and are swept at the next start.
#pragma once

#include <string>

#include "shared/posix/unique_fd.h"

namespace hubcell::worker {

class ScratchFolder {
 public:
  // A new folder below `root`. Throws Error(System).
  static ScratchFolder create(const std::string& root);
  ScratchFolder(ScratchFolder&&) noexcept = default;
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;
  // Removes the folder with all that is in it, and the lock.
  ~ScratchFolder();

  const std::string& path() const { return path_; }

 private:
  ScratchFolder(std::string path, posix::UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  posix::UniqueFd lock_;
};

// `<temporary folder>/hubcell-<uid>`, made if need be, of this user alone. Throws Error(System) where
// somebody else was faster.
std::string scratch_root();
// Removes the folders below `root` that nobody uses.
void sweep_scratch_folders(const std::string& root);

}  // namespace hubcell::worker

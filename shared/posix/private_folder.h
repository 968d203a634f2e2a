// A folder of one worker's: private, and gone when it is not used any more.
//
// A lock beside it says that it is in use; folders whose lock is free were left by a process that was killed, and are
// swept at the next start. Where foreign code decided what lies in a folder, and how much, removing it is the work of a
// process of its own, which nobody has to wait for.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

class PrivateFolder {
 public:
  // A new folder below `root`. Throws Error(System).
  static PrivateFolder create(const std::string& root);

  const std::string& path() const { return path_; }
  // Starts to remove the folder with all that is in it, and then the lock: the process that does it, or none where there was
  // nothing in it. Whoever wrote in it must have ended.
  std::optional<ChildProcess> remove() const;
  // Removes what is known to be little and our own, now.
  void remove_own() const noexcept;

 private:
  PrivateFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

// `<temporary folder>/hubcell-<uid><suffix>`, made if need be, of this user alone. Throws Error(System) where
// somebody else was faster.
std::string temporary_root(const std::string& suffix);
// The folder of that path, by the same rules.
void make_private_root(const std::string& root);
// Starts to remove the folders below `root` that nobody uses.
std::vector<ChildProcess> sweep_private_folders(const std::string& root);
// Waits for removals. Those that take longer are ended, and what they leave is found by the next sweep.
void finish_removals(std::vector<ChildProcess> removals, std::chrono::milliseconds deadline);

}  // namespace hubcell::posix

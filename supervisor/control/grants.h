// What one worker was granted for reading: links in a folder of its own, to which its sandbox was opened when it was empty.
#pragma once

#include <string>

#include "shared/posix/private_folder.h"

namespace hubcell::control {

class Grants {
 public:
  // Makes the folder: in the cache, where links can be made to what lies there; else in the temporary folder.
  explicit Grants(const std::string& cache_root);
  Grants(const Grants&) = delete;
  Grants& operator=(const Grants&) = delete;
  ~Grants() { folder_.remove_own(); }

  const std::string& path() const { return folder_.path(); }
  // A path in it that nothing has yet; it ends with `name`.
  std::string next(const std::string& name);

  // Removes what killed supervisors left in the cache.
  static void sweep(const std::string& cache_root);

 private:
  posix::PrivateFolder folder_;
  std::uint64_t count_ = 0;
};

}  // namespace hubcell::control

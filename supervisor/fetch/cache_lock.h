// A lock of the cache, which one fetcher at a time holds.
#pragma once

#include <boost/interprocess/sync/file_lock.hpp>

#include <filesystem>
#include <string>

#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// The kernel's lock belongs to the process and falls with the first descriptor of the file that is closed: nothing else
// may open that file while it is held.
class CacheLock {
 public:
  // Makes `file` where it is missing. Waits; `what` is being done by whoever holds it: "fetch of owner/name".
  CacheLock(const std::filesystem::path& file, const std::string& what, Reporter& reporter);
  CacheLock(const CacheLock&) = delete;
  CacheLock& operator=(const CacheLock&) = delete;
  ~CacheLock() { lock_.unlock(); }

 private:
  boost::interprocess::file_lock lock_;
};

}  // namespace hubcell::fetch

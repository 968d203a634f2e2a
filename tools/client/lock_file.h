// hubcell.lock: which commits and files a program uses, so that another day and another machine use the same or fail.
//
//     {"version": 1,
//      "repositories": [{"name": "owner/name", "ref": "main", "commit": "<40 hex>"}],
//      "files": [{"url": "https://...", "sha256": "<64 hex>"}]}
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "shared/wire/lock_messages.h"

namespace hubcell::client {

// Thread-safe.
class LockFile {
 public:
  // Reads `path`, a full path, if it is there. Throws Error(Usage) where it is no lock file.
  explicit LockFile(std::string path);

  std::vector<wire::Pin> pins() const;
  // Writes down what is new; what it has already has to be the same: Error(Source). The file is replaced as a whole.
  void note(const std::vector<wire::Pin>& used);

 private:
  bool add(const wire::Pin& used);
  void write() const;

  const std::string path_;
  mutable std::mutex mutex_;
  std::vector<wire::Pin> pins_;
};

}  // namespace hubcell::client

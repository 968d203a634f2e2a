// The copies of files that callers gave as arguments, in the worker's scratch folder. They stay until the worker ends: a
// model may open one again long after the call.
#pragma once

#include <hubcell/value.h>

#include <string>

namespace hubcell::worker {

class StoredFiles {
 public:
  explicit StoredFiles(const std::string& scratch) : folder_(scratch + "/files") {}

  // Writes a copy, under its own name in a folder of its own, and returns its path. Throws Error(System).
  std::string store(const File& file);

 private:
  std::string folder_;
  std::size_t count_ = 0;
};

}  // namespace hubcell::worker

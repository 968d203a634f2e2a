// The history of a repository between two of its commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hubcell {

struct Commit {
  std::string id;                   // 40 hex digits
  std::string author;               // "Name <address>"
  std::int64_t time = 0;            // of the author, in seconds since the epoch
  std::int32_t offset_minutes = 0;  // of the author's clock, from UTC
  std::string subject;
  std::vector<std::string> parents;
};

struct FileChange {
  std::string path;
  std::string old_path;                  // where it was renamed, else empty
  char status = 'M';                     // git's letter: A, D, M, R, T
  std::uint64_t added = 0, removed = 0;  // lines
  bool is_binary = false;
};

}  // namespace hubcell

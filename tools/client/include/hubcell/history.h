// The history of a repository between two of its commits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace hubcell {

struct Commit {
  std::string id = {};              // 40 hex digits
  std::string author = {};          // "Name <address>"
  std::int64_t time = 0;            // of the author, in seconds since the epoch
  std::int32_t offset_minutes = 0;  // of the author's clock, from UTC
  std::string subject = {};
  std::vector<std::string> parents = {};
};

struct FileChange {
  std::string path = {};
  std::string old_path = {};             // where it was renamed, else empty
  char status = 'M';                     // git's letter: A, D, M, R, T
  std::uint64_t added = 0, removed = 0;  // lines
  bool is_binary = false;                // or so large that its lines are not counted
};

// Text in it (authors, subjects, paths) is the repository's: one line each, cut where it is long, in any encoding.
struct History {
  std::string a, b;               // commits
  std::array<Commit, 2> tips;     // of them; without an id where there is no a
  std::string merge_base;         // the newest of their best common ancestors; empty where they have none
  std::uint64_t only_a = 0;       // commits that only a's history has, a itself among them
  std::uint64_t only_b = 0;       // that only b's has
  std::vector<Commit> commits;    // these: newest first, each before its parents; the first 10,000
  std::vector<FileChange> files;  // from a's files to b's, with renames found; the first 1,000
  std::uint64_t files_changed = 0, lines_added = 0, lines_removed = 0;  // of all of them
};

}  // namespace hubcell

// Two texts, line by line: what was added, what was removed, and what stayed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hubcell::compare {

struct DiffLine {
  enum class Kind { Same, Added, Removed };
  Kind kind = Kind::Same;
  std::string text;
};

struct LineDiff {
  std::vector<DiffLine> lines;
  std::uint64_t added = 0, removed = 0;
};

// A shortest one (by a longest common subsequence). Of each text the first 400 lines are looked at.
LineDiff diff_lines(const std::string& a, const std::string& b);

}  // namespace hubcell::compare

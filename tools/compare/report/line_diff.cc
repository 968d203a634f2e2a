#include "tools/compare/report/line_diff.h"

#include <algorithm>

namespace hubcell::compare {
namespace {

constexpr std::size_t kLinesMax = 400;
constexpr std::size_t kLineBytesMax = 2000;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size() && lines.size() < kLinesMax;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, std::min(end - at, kLineBytesMax)));
    at = end + 1;
  }
  return lines;
}

}  // namespace

LineDiff diff_lines(const std::string& a, const std::string& b) {
  const std::vector<std::string> left = lines_of(a), right = lines_of(b);
  // common[i][j]: the longest common subsequence of what follows left[i] and right[j].
  std::vector<std::vector<std::uint16_t>> common(left.size() + 1,
                                                 std::vector<std::uint16_t>(right.size() + 1));
  for (std::size_t i = left.size(); i-- > 0;)
    for (std::size_t j = right.size(); j-- > 0;)
      common[i][j] = left[i] == right[j] ? static_cast<std::uint16_t>(common[i + 1][j + 1] + 1)
                                         : std::max(common[i + 1][j], common[i][j + 1]);
  LineDiff diff;
  for (std::size_t i = 0, j = 0; i < left.size() || j < right.size();) {
    if (i < left.size() && j < right.size() && left[i] == right[j]) {
      diff.lines.push_back({DiffLine::Kind::Same, left[i++]});
      ++j;
    } else if (j == right.size() || (i < left.size() && common[i + 1][j] >= common[i][j + 1])) {
      diff.lines.push_back({DiffLine::Kind::Removed, left[i++]});
      ++diff.removed;
    } else {
      diff.lines.push_back({DiffLine::Kind::Added, right[j++]});
      ++diff.added;
    }
  }
  return diff;
}

}  // namespace hubcell::compare

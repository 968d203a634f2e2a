#include "supervisor/source/nearest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace hubcell::source {
namespace {

// Longer names are cut: time grows with the product of the lengths, and both sides may be foreign.
constexpr std::size_t kComparedBytesMax = 256;

std::string folded(const std::string& name) {
  std::string lower = name.substr(0, kComparedBytesMax);
  for (char& letter : lower)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

// Levenshtein's distance, with one row of his table: insert, erase and replace cost 1 each.
std::size_t edit_distance(const std::string& left, const std::string& right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::size_t distance(const std::string& wanted, const std::string& name) {
  const bool one_continues_the_other = wanted.starts_with(name) || name.starts_with(wanted);
  return one_continues_the_other && std::min(wanted.size(), name.size()) >= 2 ? 1
                                                                              : edit_distance(wanted, name);
}

}  // namespace

std::vector<std::string> nearest_names(const std::string& wanted, const std::vector<std::string>& names,
                                       std::size_t count_max) {
  const std::string folded_wanted = folded(wanted);
  const std::size_t distance_max = std::max<std::size_t>(1, wanted.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : names) {
    const std::size_t steps = distance(folded_wanted, folded(name));
    if (steps <= distance_max) near.emplace_back(steps, name);
  }
  std::ranges::sort(near);
  std::vector<std::string> nearest;
  for (const auto& [steps, name] : near) {
    if (nearest.size() < count_max) nearest.push_back(name);
  }
  return nearest;
}

std::string did_you_mean(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string text = " (did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text + "?)";
}

}  // namespace hubcell::source

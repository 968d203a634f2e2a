#include "tools/compare/code.h"

#include <algorithm>

#include "tools/compare/calls.h"

namespace hubcell::compare {
namespace {

// A report lists no more.
constexpr std::size_t kCommitsMax = 200;

void take(History history, CodeResult& code) {
  code.merge_base = std::move(history.merge_base);
  code.only_a = history.only_a;
  code.only_b = history.only_b;
  code.commits = std::move(history.commits);
  code.commits.resize(std::min(code.commits.size(), kCommitsMax));
  code.files = std::move(history.files);
  code.files_changed = history.files_changed;
  code.lines_added = history.lines_added;
  code.lines_removed = history.lines_removed;
  for (std::size_t side = 0; side < 2; ++side) {
    if (!history.tips[side].id.empty()) code.tip[side] = std::move(history.tips[side]);
  }
}

}  // namespace

void compare_code(const Model& a, const Model& b, const CompareOptions& options, CodeResult& code) {
  if (a.hub == nullptr || a.side.info.commit.empty() || b.side.info.commit.empty()) {
    code.note = "a folder has no history";
    return;
  }
  if (a.side.info.repository != b.side.info.repository) {
    code.note = "they are two repositories";
    return;
  }
  // Of what was loaded, whatever its ref means by now.
  const auto name_of = [](const Side& side) { return side.info.repository + "@" + side.info.commit; };
  code.note = failure_of(options, [&] { take(a.hub->history(name_of(a.side), name_of(b.side)), code); });
}

}  // namespace hubcell::compare

#include "supervisor/fetch/tree_changes.h"

#include <hubcell/error.h>

#include "supervisor/fetch/git.h"

namespace hubcell::fetch {
namespace {

// Whose lines are counted; weights are larger, and binary.
constexpr git_off_t kTextBytesMax = 32 << 20;

git::Diff make_diff(git_repository* repository, git_tree* a, git_tree* b, const std::string& attempt) {
  git_diff_options options;
  ::git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  options.context_lines = 0;
  options.max_size = kTextBytesMax;
  git_diff* made = nullptr;
  git::check(::git_diff_tree_to_tree(&made, repository, a, b, &options), attempt);
  git::Diff diff(made);
  git_diff_find_options renames;
  ::git_diff_find_options_init(&renames, GIT_DIFF_FIND_OPTIONS_VERSION);
  renames.flags = GIT_DIFF_FIND_RENAMES;
  git::check(::git_diff_find_similar(diff.get(), &renames), attempt);
  return diff;
}

wire::FileRecord record_of(git_diff* diff, std::size_t index, const std::string& attempt) {
  git_patch* made = nullptr;
  git::check(::git_patch_from_diff(&made, diff, index), attempt);
  const git::Patch patch(made);
  const git_diff_delta& delta = *::git_diff_get_delta(diff, index);  // says whether it is binary only now
  wire::FileRecord file{.path = delta.new_file.path,
                        .status = static_cast<std::uint8_t>(::git_diff_status_char(delta.status)),
                        .is_binary = (delta.flags & GIT_DIFF_FLAG_BINARY) != 0};
  if (delta.status == GIT_DELTA_RENAMED) file.old_path = delta.old_file.path;
  std::size_t added = 0;
  std::size_t removed = 0;
  if (patch) git::check(::git_patch_line_stats(nullptr, &added, &removed, patch.get()), attempt);
  file.added = added;
  file.removed = removed;
  return file;
}

}  // namespace

ChangeTotals compare_trees(git_repository* repository, git_tree* a, git_tree* b, const std::string& attempt,
                           Reporter& reporter, const std::function<void(wire::FileRecord)>& take) {
  const git::Diff diff = make_diff(repository, a, b, attempt);
  ChangeTotals totals{.files = ::git_diff_num_deltas(diff.get())};
  for (std::size_t i = 0; i < totals.files; ++i) {
    if (!reporter.progress(attempt)) throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    wire::FileRecord file = record_of(diff.get(), i, attempt);
    totals.added += file.added;
    totals.removed += file.removed;
    take(std::move(file));
  }
  return totals;
}

}  // namespace hubcell::fetch

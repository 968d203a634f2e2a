#include "supervisor/control/history_check.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <hubcell/error.h>

#include "shared/wire/limits.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::control {
namespace {

constexpr std::string_view kLetters = "ADMRT";

void require(bool holds, const std::string& what) {
  if (!holds) throw Error(ErrorCode::Protocol, "read a history: the fetcher sent " + what);
}

void require_commit(const wire::CommitRecord& commit) {
  require(source::is_commit(commit.id) && std::ranges::all_of(commit.parents, source::is_commit),
          "a commit that is none");
  require(commit.parents.size() <= wire::kHistoryParentsMax, "too many parents");
  require(commit.author.size() <= wire::kHistoryTextBytesMax &&
              commit.subject.size() <= wire::kHistoryTextBytesMax,
          "too long a text of a commit");
}

void require_file(const wire::FileRecord& file) {
  require(
      file.path.size() <= wire::kHistoryPathBytesMax && file.old_path.size() <= wire::kHistoryPathBytesMax,
      "too long a path");
  require(kLetters.find(static_cast<char>(file.status)) != std::string_view::npos,
          "an unknown kind of change");
}

}  // namespace

void HistoryCheck::check(const wire::HistoryPart& part) {
  commits_ += part.commits.size();
  files_ += part.files.size();
  require(commits_ <= wire::kHistoryCommitsMax && files_ <= wire::kHistoryFilesMax, "more than it may");
  std::ranges::for_each(part.commits, require_commit);
  std::ranges::for_each(part.files, require_file);
}

void HistoryCheck::check(const wire::HistoryRead& summary) const {
  require_commit(summary.b);
  if (!summary.a.id.empty()) require_commit(summary.a);
  require(summary.merge_base.empty() || source::is_commit(summary.merge_base),
          "a merge base that is no commit");
  require(commits_ == std::min<std::uint64_t>(summary.only_b, wire::kHistoryCommitsMax) &&
              files_ == std::min<std::uint64_t>(summary.files_changed, wire::kHistoryFilesMax),
          "another number of commits or files than it counted");
}

}  // namespace hubcell::control

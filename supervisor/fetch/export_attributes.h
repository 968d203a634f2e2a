// What `git archive` does to a tree and a checkout does not, so that both roads to a commit's files lead to the same: files
// with the attribute export-ignore are left out, and in those with export-subst $Format:...$ is filled in.
#pragma once

#include <filesystem>
#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/git.h"

namespace hubcell::fetch {

// `folder` is the work tree of `repository`, with the files of `commit` and nothing else. %d and %D name what `listing` has.
void apply_export_attributes(git_repository* repository, const std::string& commit,
                             const std::filesystem::path& folder, const RefListing& listing);

}  // namespace hubcell::fetch

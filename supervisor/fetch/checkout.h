// The files of one commit, as a read-only folder.
#pragma once

#include <filesystem>
#include <string>

#include "supervisor/fetch/git.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Writes the files of `commit` of `mirror` into `folder`, which is empty. Submodules stay empty folders; paths that
// lead out of the folder are refused. `shown_as` is the repository's name in messages.
void check_out(git_repository* mirror, const std::string& commit, const std::filesystem::path& folder,
               const std::string& shown_as, Reporter& reporter);

// Throws Error(Source) where the files in `folder` are no torch.hub repository's.
void require_hubconf(const std::filesystem::path& folder, const std::string& commit,
                     const std::string& shown_as);

}  // namespace hubcell::fetch

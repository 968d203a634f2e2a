// The files of one commit, as a read-only folder.
#pragma once

#include <string>

#include "supervisor/fetch/git.h"
#include "supervisor/fetch/reporter.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {

// Writes `commit` of `mirror` to its place, unless it is there. Submodules stay empty folders; paths that
// lead out of the folder are refused. `shown_as` is the repository's name in messages.
// Throws Error(Source) where the commit has no hubconf.py.
void write_checkout(git_repository* mirror, const source::RepositoryFolder& place, const std::string& commit,
                    const std::string& shown_as, Reporter& reporter);

}  // namespace hubcell::fetch

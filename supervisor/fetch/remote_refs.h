// Lists the refs of a remote, as `git ls-remote` does.
#pragma once

#include <string>

#include "supervisor/fetch/choose_ref.h"

namespace hubcell::fetch {

// Throws Error(Source) where the remote cannot be read. libgit2 must be started (git::Library).
RefListing list_refs(const std::string& url);

}  // namespace hubcell::fetch

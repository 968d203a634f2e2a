// Brings a commit from another machine by git's own protocol, with the history that leads to it.
#pragma once

#include <git2.h>

#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Unless `mirror` has it: with the history of one branch or tag that points at it; a commit inside the history with that of all
// of them. Throws Error(Source) as Remote::bring_commit does. What reaches `url` is libgit2's to find (git_transport.h).
void fetch_history(git_repository* mirror, const std::string& url, const RefListing& listing,
                   const ChosenRef& chosen, Reporter& reporter);

}  // namespace hubcell::fetch

// A remote on another machine.
#pragma once

#include <git2.h>

#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

bool is_network_url(const std::string& url);

// Fetches the chosen commit into `mirror`, unless it has it, with the history of one branch or tag that points at it; a
// commit inside the history with that of all branches and tags. The caller has called git::use_http.
// Throws Error(Source) where no branch and no tag of `listing` contains the commit.
void fetch_commit(git_repository* mirror, const std::string& url, const RefListing& listing,
                  const ChosenRef& chosen, Reporter& reporter);

}  // namespace hubcell::fetch

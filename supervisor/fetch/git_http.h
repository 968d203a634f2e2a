// git's smart protocol over http and https: libgit2 speaks it, HttpTransfer carries it.
#pragma once

#include "supervisor/fetch/http.h"

namespace hubcell::fetch::git {

// From here on libgit2, which has been started, goes through HttpTransfer. Borrows `settings`.
void use_http(const HttpSettings& settings);

}  // namespace hubcell::fetch::git

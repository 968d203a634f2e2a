// What a job's transfers share, by the environment and by who asked for it.
#pragma once

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/http.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Reads HUBCELL_GITHUB_URL, GITHUB_TOKEN and HUBCELL_ALLOW_PRIVATE_ADDRESSES. What a worker wants goes without the token,
// and to public addresses unless that last one is 1. Borrows `reporter`.
HttpSettings network_settings(wire::Origin origin, Reporter& reporter);

}  // namespace hubcell::fetch

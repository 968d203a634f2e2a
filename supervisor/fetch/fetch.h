// What a fetcher does: one job, of one of five kinds.
#pragma once

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Confines the process (confinement.h), so that it can be called once. Throws Error where there is no result.
wire::FetchResult fetch(const wire::FetchJob& job, Reporter& reporter);

}  // namespace hubcell::fetch

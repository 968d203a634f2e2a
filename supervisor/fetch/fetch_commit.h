// A ref of a remote becomes a commit, and the commit a read-only checkout in the cache.
#pragma once

#include <filesystem>

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Confines the process (confinement.h), so that it can be called once. Throws Error where there is no result.
wire::FetchResult fetch_commit(const wire::CommitJob& job, wire::Origin origin,
                               const std::filesystem::path& cache_root, Reporter& reporter);

}  // namespace hubcell::fetch

// What lies between two refs of a remote: the commits, and the files that differ.
#pragma once

#include <filesystem>

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Confines the process (confinement.h). Reports commits and files on the way; the result has their numbers. Asks the remote nothing where
// the cache knows both commits and their history is here. Throws Error where there is no result.
wire::FetchResult read_history(const wire::HistoryJob& job, wire::Origin origin,
                               const std::filesystem::path& cache_root, Reporter& reporter);

}  // namespace hubcell::fetch

// Files by their URL: downloads of the program's own, and those that workers want.
#pragma once

#include <filesystem>

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Both confine the process (confinement.h) and throw Error where there is no file in the end.

// Puts the file where the job says. What is known about one of torch.hub's checkpoints is written down.
wire::FetchResult fetch_file(const wire::FileJob& job, const std::filesystem::path& cache_root,
                             Reporter& reporter);

// Brings the file into the cache's own store, unless it is there or among torch.hub's checkpoints and certainly the same,
// and grants it.
wire::FetchResult fetch_blob(const wire::BlobJob& job, const std::filesystem::path& cache_root,
                             Reporter& reporter);

}  // namespace hubcell::fetch

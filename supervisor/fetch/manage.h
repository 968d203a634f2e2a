// The cache, looked after: what is in it, whether it is what was fetched, and away with it.
#pragma once

#include <filesystem>

#include "shared/wire/fetch_messages.h"
#include "supervisor/fetch/reporter.h"
#include "supervisor/source/manifest.h"

namespace hubcell::fetch {

// Confines the process (confinement.h). Reports every entry that the job is about.
wire::FetchResult manage_cache(const wire::CacheJob& job, const std::filesystem::path& cache_root,
                               Reporter& reporter);

// Of the files below `folder` as they are.
source::Manifest manifest_of_folder(const std::filesystem::path& folder);

}  // namespace hubcell::fetch

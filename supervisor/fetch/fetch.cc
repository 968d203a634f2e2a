#include "supervisor/fetch/fetch.h"

#include <filesystem>

#include <hubcell/error.h>

#include "supervisor/fetch/fetch_commit.h"
#include "supervisor/fetch/fetch_file.h"
#include "supervisor/fetch/manage.h"
#include "supervisor/fetch/read_history.h"

namespace hubcell::fetch {

wire::FetchResult fetch(const wire::FetchJob& job, Reporter& reporter) {
  const std::filesystem::path cache_root = job.cache_root;
  if (!cache_root.is_absolute())
    throw Error(ErrorCode::Protocol, "fetch: the job has no full path of the cache");
  if (job.commit) return fetch_commit(*job.commit, job.origin, cache_root, reporter);
  if (job.file) return fetch_file(*job.file, cache_root, reporter);
  if (job.blob) return fetch_blob(*job.blob, cache_root, reporter);
  if (job.cache) return manage_cache(*job.cache, cache_root, reporter);
  if (job.history) return read_history(*job.history, job.origin, cache_root, reporter);
  throw Error(ErrorCode::Protocol, "fetch: the job asks for nothing");
}

}  // namespace hubcell::fetch

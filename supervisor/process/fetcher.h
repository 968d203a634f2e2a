// Runs hubcell-fetch, one process for one job, and follows what it reports.
#pragma once

#include <functional>
#include <string>

#include "shared/wire/fetch_messages.h"
#include "supervisor/process/environment.h"
#include "supervisor/process/loop.h"

namespace hubcell::process {

// Returns the result of a job that succeeded. Throws Error with the fetcher's own code and message when it
// did not, Error(Source) when the fetcher died or took too long. `report` is told everything before the result.
Task<wire::FetchResult> run_fetch(asio::io_context& loop, std::string program, wire::FetchJob job,
                                  const Environment& environment,
                                  std::function<void(const wire::FetchEvent&)> report);

}  // namespace hubcell::process

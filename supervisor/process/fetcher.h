// Runs hubcell-fetch, one process for one job, and follows what it reports.
#pragma once

#include <functional>
#include <string>

#include <hubcell/error.h>

#include "shared/wire/fetch_messages.h"
#include "supervisor/process/environment.h"
#include "supervisor/process/loop.h"

namespace hubcell::process {

inline constexpr Milliseconds kFetcherLookEvery{30'000};

// A fetch for which there was nobody to ask.
class Unreachable : public Error {
  using Error::Error;
};

// Returns the result of a job that succeeded. Throws Error (Unreachable) with the fetcher's own code and message when it
// did not, Error(Source) when the fetcher died or took too long. `report` is told everything before the result. One that
// reports nothing and computes nothing at four looks in a row hangs, or was stopped: what it waits for itself, it waits for with shorter
// deadlines.
Task<wire::FetchResult> run_fetch(asio::io_context& loop, std::string program, wire::FetchJob job,
                                  const Environment& environment,
                                  std::function<void(const wire::FetchEvent&)> report,
                                  Milliseconds look_every = kFetcherLookEvery);

}  // namespace hubcell::process

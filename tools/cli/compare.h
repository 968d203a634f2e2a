// `hubcell compare`: loads two models, compares them, and shows the report.
#pragma once

#include "tools/cli/options.h"
#include "tools/cli/terminal.h"

namespace hubcell::cli {

// Returns the exit code: 0, 1 where a side failed, 3 where --fail-if holds, 130 where it was interrupted; what is known by then is shown in any case.
// `hub_options`: of both sides, but for what the options say of one.
int compare_models(const HubOptions& hub_options, const Options& options, Progress& progress,
                   const std::stop_token& stop);

}  // namespace hubcell::cli

// `hubcell bisect`: the first commit between two refs whose outputs differ.
#pragma once

#include <stop_token>

#include "tools/cli/options.h"
#include "tools/cli/terminal.h"

namespace hubcell::cli {

// Returns the exit code: 1 where skipped commits hide it, 130 where it was stopped before it was found; what is known is shown either way.
int bisect(Hub& hub, const Options& options, Progress& progress, const std::stop_token& stop);

}  // namespace hubcell::cli

// Whether the caller trusts a repository of GitHub, asked as torch.hub asks; `hubcell trust`.
#pragma once

#include <hubcell/hub.h>

#include "tools/cli/options.h"

namespace hubcell::cli {

// Returns where the repository is trusted: it is in a list, --trust says so (and is written down), or somebody at a terminal
// answers yes. A script is not asked: who wrote it named the repository, and nothing is written down for that. Throws
// Error(Usage) where the answer is no, or stdin ends without one.
void require_trust(Hub& hub, const Options& options);

// ls, add, rm. Prints to stdout and returns the exit code.
int trust(Hub& hub, const Options& options);

}  // namespace hubcell::cli

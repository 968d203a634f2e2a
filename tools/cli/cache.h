// `hubcell fetch` and `hubcell cache`: what is on this machine for use without a network.
#pragma once

#include <hubcell/hub.h>

#include "tools/cli/options.h"
#include "tools/cli/terminal.h"

namespace hubcell::cli {

// Both print to stdout and return the exit code.
int fetch(Hub& hub, const Options& options, Progress& progress);
int cache(Hub& hub, const Options& options);

// "owner/name" of a repository that stands on GitHub (HUBCELL_GITHUB_URL), else the URL as it is.
std::string short_name(const std::string& url);

}  // namespace hubcell::cli

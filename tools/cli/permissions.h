// `hubcell permissions`: what a load does beyond its own files, and the options that allow it.
#pragma once

#include <string>
#include <vector>

#include <hubcell/hub.h>

#include "tools/cli/options.h"
#include "tools/cli/terminal.h"

namespace hubcell::cli {

// One observation, and what follows from it for the command line.
struct Need {
  Observation observed;
  std::vector<std::string> option =
      {};  // {"--allow-read", "/data/labels.txt"}; empty where none is needed, or none helps
};

// `checkout`: the folder of the repository. What the worker says is compared with what is there: it may say anything.
std::vector<Need> needs_of(const std::vector<Observation>& observations, const std::string& checkout);
// Each option once; files of one folder as that folder, where there are many.
std::vector<std::string> options_for(const std::vector<Need>& needs);

// Loads (and calls, where the options have inputs), prints to stdout and returns the exit code.
int permissions(Hub& hub, const Options& options, Progress& progress);

}  // namespace hubcell::cli

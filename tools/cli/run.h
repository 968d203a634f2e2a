// `hubcell run`: load, call once, and show the answer.
#pragma once

#include "tools/cli/options.h"
#include "tools/cli/terminal.h"

namespace hubcell::cli {

// What one run measured and found.
struct RunResult {
  Value output;
  ModelInfo info;
  double load_s = 0;
  std::optional<double> call_s;     // none where nothing was called
  std::vector<std::string> labels;  // of --topk
};

// Without call inputs and without a method nothing is called: the output is what was loaded.
RunResult run_model(Hub& hub, const Options& options);

// Writes the answer to stdout, to `-o`, and a line about the run to stderr. Asks the worker for reprs.
void show_result(const RunResult& result, const Options& options);

}  // namespace hubcell::cli

// `hubcell serve`, `ps`, `top`, `logs` and `stop`: a supervisor that many programs share.
#pragma once

#include "tools/cli/options.h"

namespace hubcell::cli {

// Does not return where it could be started.
int serve_programs(const Options& options);
int show_workers(const Options& options);
int watch_workers(const Options& options);
int show_log(const Options& options);
int stop_workers(const Options& options);

}  // namespace hubcell::cli

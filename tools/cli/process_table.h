// What runs under a shared supervisor, as a table and as JSON.
#pragma once

#include <hubcell/serve.h>

#include <string>

#include "tools/cli/json_output.h"
#include "tools/text/style.h"

namespace hubcell::cli {

// Lines of at most `columns`. With an earlier look the processors' share since then is shown, else their time.
std::string process_table(const RunningSupervisor& seen, const RunningSupervisor* before,
                          const text::Style& style, std::size_t columns);
Json to_json(const RunningSupervisor& seen);

}  // namespace hubcell::cli

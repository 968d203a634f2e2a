// Which Python runs the workers.
#pragma once

#include <functional>
#include <string>

#include "supervisor/process/environment.h"
#include "supervisor/process/loop.h"

namespace hubcell::process {

// The absolute path of the interpreter, in the order: `wanted` by the caller, HUBCELL_PYTHON, the active
// virtual environment, python3 in PATH if it has torch, /usr/bin/python3. A name without a slash is looked up
// in PATH. Throws Error(Usage) where what was named explicitly cannot be run. `runs`: whether an interpreter is known to have torch,
// since looking takes it tens of milliseconds.
Task<std::string> choose_interpreter(asio::io_context& loop, std::string wanted,
                                     const Environment& environment, std::string working_folder,
                                     std::function<bool(const std::string&)> runs);

}  // namespace hubcell::process

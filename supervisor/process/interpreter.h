// Which Python runs the workers.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "supervisor/process/environment.h"
#include "supervisor/process/loop.h"

namespace hubcell::process {

// Interpreters that were found to have no torch, each for a minute: asking takes a Python's start, and tenths of a second
// where python3 is a script that looks for one (pyenv).
class TorchlessPythons {
 public:
  bool has(const std::string& python) const;
  void add(const std::string& python);

 private:
  std::map<std::string, std::chrono::steady_clock::time_point> found_;
};

// The absolute path of the interpreter, in the order: `wanted` by the caller, HUBCELL_PYTHON, the active
// virtual environment, python3 in PATH if it has torch, /usr/bin/python3. A name without a slash is looked up
// in PATH. Throws Error(Usage) where what was named explicitly cannot be run. `runs`: whether an interpreter is known to have
// torch. `torchless` outlives the coroutine.
Task<std::string> choose_interpreter(asio::io_context& loop, std::string wanted,
                                     const Environment& environment, std::string working_folder,
                                     std::function<bool(const std::string&)> runs,
                                     TorchlessPythons& torchless);

}  // namespace hubcell::process

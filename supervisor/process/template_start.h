// Starting an interpreter until it has torch imported, and finding out why where it does not get there.
#pragma once

#include <string>
#include <vector>

#include "shared/posix/process.h"
#include "supervisor/process/loop.h"

namespace hubcell::process {

struct StartedTemplate {
  posix::ChildProcess process;
  FrameSocket socket;
  posix::UniqueFd output;  // a pipe with what it prints, from its start on; nothing was read from it
  wire::TemplateReady versions;
};

// Runs `python`, in an environment of NAME=value, with the boot.py that lies beside the extension. Throws Error(Usage) with one line where the
// interpreter has no torch, is broken, too old, or no Python at all; its process is then ended. Takes
// kInterpreterStartDeadline and kTemplateStartDeadline at most.
Task<StartedTemplate> start_template(asio::io_context& loop, std::string python, std::string extension_path,
                                     std::vector<std::string> environment);

}  // namespace hubcell::process

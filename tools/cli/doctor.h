// `hubcell doctor`: what this machine can do, one line each, with the fix beside what is missing.
#pragma once

#include <string>
#include <vector>

#include <hubcell/hub.h>

#include "tools/text/style.h"

namespace hubcell::cli {

struct Finding {
  std::string name;
  bool holds = true;
  bool needed = true;  // hubcell cannot run without it
  std::string detail;
  std::string fix = {};
};

// The kernel, the interpreter, torch, and each layer of the sandbox.
std::vector<Finding> examine(Hub& hub);
// For one layer; its fix is empty where it holds or where none is known.
Finding finding_of(const Hub::Layer& layer);

std::string to_text(const std::vector<Finding>& findings, const text::Style& style);
std::string to_json_text(const std::vector<Finding>& findings);
// Nothing that is needed is missing.
bool can_run(const std::vector<Finding>& findings);

}  // namespace hubcell::cli

// Plain torch.hub, in a Python process of its own: torch_hub_alone.py.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/examples/comparison.h"

namespace hubcell::demo {

// Loads `folders` in this order in one process and lets each answer. Throws Error with the process's last
// words.
std::vector<Answer> ask_torch_hub(const std::string& script, const std::string& kind,
                                  std::span<const float> inputs, const std::vector<std::string>& folders);

}  // namespace hubcell::demo

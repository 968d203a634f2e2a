// Compares what two versions answered through hubcell, in both orders of loading, with what plain torch.hub
// says: each version in a process of its own, and both in one process.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/examples/demo.h"

namespace hubcell::demo {

struct Segment {
  std::int64_t start, end;  // samples
  bool operator==(const Segment&) const = default;
};

// What one version said.
struct Answer {
  std::vector<float> numbers = {};
  std::vector<Segment> segments = {};
  std::string code = {};  // of torch.hub: the file that its code came from
};

// One answer for each of two versions.
using Answers = std::array<Answer, 2>;

struct Comparison {
  std::string kind;                     // of torch_hub_alone.py: "silero", "digits"
  std::string repository;               // folder in Places::alone
  std::array<std::string, 2> versions;  // folders in it
  std::string noun;                     // what the numbers are: "probabilities"
  std::vector<float> inputs;
  Answers answers = {};          // with versions[0] loaded first
  Answers answers_swapped = {};  // with versions[1] loaded first; still in the order of `versions`
};

// Prints what torch.hub does in one process, then one line for each version. False, and a line on stderr,
// where hubcell differs from torch.hub alone. Runs four Python processes; throws Error where one fails.
bool compare_with_torch_hub(const Comparison& comparison, const Places& places);

}  // namespace hubcell::demo

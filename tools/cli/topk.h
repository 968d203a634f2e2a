// The K largest elements along the last dimension of a tensor.
#pragma once

#include <string>
#include <vector>

#include <hubcell/tensor.h>

#include "tools/cli/elements.h"

namespace hubcell::cli {

struct Ranked {
  std::size_t index;
  Number value;
  std::string label;  // empty where there are no labels
};
struct RankedRow {
  std::string name;          // "[0, 3]": where it lies in the other dimensions
  std::vector<Ranked> best;  // falling; equal ones by index, NaN last
};

// Fewer than `count` where a row is shorter. Throws Error(Usage) for a tensor without dimensions or of
// complex numbers.
std::vector<RankedRow> top_elements(const Tensor& tensor, std::size_t count,
                                    const std::vector<std::string>& labels);

// One label a line. Throws Error(System).
std::vector<std::string> read_labels(const std::string& path);

}  // namespace hubcell::cli

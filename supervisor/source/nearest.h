// Names that a mistyped one may have meant, for "did you mean 'x'?".
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hubcell::source {

// The `count_max` names of `names` that are nearest to `wanted`, nearest first: by edit distance, without
// regard to case; a name that goes on where the other ends ("v1", "v1.0") is near. Empty where none is.
std::vector<std::string> nearest_names(const std::string& wanted, const std::vector<std::string>& names,
                                       std::size_t count_max = 3);

// " (did you mean 'x' or 'y'?)", or an empty string where there is nothing to propose.
std::string did_you_mean(const std::vector<std::string>& names);

}  // namespace hubcell::source

// Comparisons made by hand, for reports to show: from a rich one to one that nobody should send.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <hubcell/comparison.h>

namespace hubcell::test {

compare::Comparison
speech_comparison();  // two versions of a speech model: 50 inputs, all that can be measured
compare::Comparison image_comparison();      // two classifiers, pictures and labels; nothing of the code
compare::Comparison equal_comparison();      // nothing differs
compare::Comparison close_comparison();      // within the tolerance
compare::Comparison crashed_comparison();    // B did not load
compare::Comparison failing_comparison();    // B fails on some inputs; interrupted
compare::Comparison structure_comparison();  // other structures, dtypes, NaN on one side
compare::Comparison
hostile_comparison();  // names that are markup, controls, no UTF-8 or endless; figures that are no numbers
compare::Comparison large_comparison();  // thousands of inputs, places, modules, weights, commits, files

// All of the above, and an empty one, each with a name.
std::vector<std::pair<std::string, compare::Comparison>> sample_comparisons();

}  // namespace hubcell::test

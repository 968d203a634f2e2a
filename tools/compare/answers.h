// What both sides answer, input by input.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// Fills `found.inputs` and `found.classes`. A side that fails again and again is asked no more: the rest is a warning. Throws Interrupted; what
// was compared by then is in `found`.
void compare_answers(const Model& a, const Model& b, const InputSet& inputs, const CompareOptions& options,
                     Comparison& found);

}  // namespace hubcell::compare

// Which weights two models have in common, by the names in their state dicts, and how far the others lie apart.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// Of what has a state dict: torch.nn.Module, TorchScript too. Weights of which both workers have the very same pages are equal without a look
// at their elements. Throws Interrupted; what a side does wrong is in WeightsResult::note.
void compare_weights(const Object& a, const Object& b, const CompareOptions& options, WeightsResult& result);

}  // namespace hubcell::compare

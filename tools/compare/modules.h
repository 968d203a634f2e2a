// Where inside of two models the difference begins: one call of each, module by module, side by side.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// Each side's call stops at each module (worker/objects/trace.py) until what it shows was compared with the other side's, so that few
// activations exist at a time; one that the other side shows much later is let go of, which the module's note says. Throws
// Interrupted; what a side does wrong is in TraceResult::note. What was seen until then is in `result`.
void compare_modules(const Model& a, const Model& b, const Input& input, std::uint64_t seed, const CompareOptions& options,
                     TraceResult& result);

}  // namespace hubcell::compare

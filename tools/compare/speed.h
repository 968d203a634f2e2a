// How long calls take on both sides, in rounds that cancel what drifts.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// In rounds of A B B A or B A A B, as a coin decides (statistics.h says why), over the inputs that both sides answered (`usable`: their indices), so that what slows the
// machine down for a while slows both. What fails ends it, with a note. Throws Interrupted; the rounds until then are in `speed`.
void compare_speed(const Model& a, const Model& b, const InputSet& inputs,
                   const std::vector<std::size_t>& usable, const CompareOptions& options, SpeedResult& speed);

}  // namespace hubcell::compare

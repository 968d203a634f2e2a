#include "supervisor/lifecycle/lifecycle.h"

namespace hubcell::lifecycle {

std::string_view name(State state) {
  constexpr std::array<std::string_view, kStateCount> kNames{"resolving", "starting", "entering", "ready",
                                                             "loading",   "stopping", "stopped"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace hubcell::lifecycle

#include "tools/compare/traffic/call_clock.h"

namespace hubcell::compare {

double time_of_day() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace hubcell::compare

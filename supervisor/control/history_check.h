// What a fetcher says of a history, which it read in a foreign repository: looked at before it is passed on.
#pragma once

#include <cstddef>

#include "shared/wire/history_messages.h"

namespace hubcell::control {

// Throws Error(Protocol) on what no fetcher of ours sends: more than is bounded in limits.h, and ids that are none.
class HistoryCheck {
 public:
  void check(const wire::HistoryPart& part);
  void check(const wire::HistoryRead& summary) const;

 private:
  std::size_t commits_ = 0;
  std::size_t files_ = 0;
};

}  // namespace hubcell::control

// The last lines of a shared supervisor's log and of what its workers print, for `hubcell logs`. Bounded.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "shared/wire/serve_messages.h"

namespace hubcell::control {

class LogBook {
 public:
  void note(wire::LogKind kind, std::string_view worker, std::string_view text);

  // The line of that number, counted from the first that was ever noted; none if there is none, yet or any more. A number that
  // is gone is moved on to the oldest that is there.
  const wire::LogLine* find(std::uint64_t& number) const;

 private:
  std::deque<wire::LogLine> lines_;
  std::uint64_t first_ = 0;  // the number of the oldest
  std::size_t bytes_ = 0;
};

}  // namespace hubcell::control

#include "shared/channel/call_watch.h"

#include <algorithm>

namespace hubcell::channel {

CallWatch::CallWatch(int memfd) : mapping_(posix::Mapping::for_reading(memfd, kReleasesOffset)) {}

std::span<const Slot> CallWatch::slots() const {
  return {View(mapping_.data()).slots, wire::kSlotCount};
}

std::size_t CallWatch::calls() const {
  const auto is_under_way = [](const Slot& slot) {
    const auto state = static_cast<SlotState>(slot.state.load(std::memory_order_relaxed));
    return state == SlotState::Requested || state == SlotState::Running;
  };
  return static_cast<std::size_t>(std::ranges::count_if(slots(), is_under_way));
}

std::uint64_t CallWatch::last_sequence() const {
  std::uint64_t last = 0;
  for (const Slot& slot : slots())
    last = std::max(last, slot.sequence.load(std::memory_order_relaxed));
  return last;
}

}  // namespace hubcell::channel

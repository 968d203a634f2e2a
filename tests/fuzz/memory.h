// Shared memory as a channel has it, of a fixed size, for values that are read and written again: nothing is
// allocated for each input.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "shared/value/value_codec.h"

namespace hubcell::fuzz {

inline constexpr std::size_t kMemoryBytes = 1 << 14;

// One heap block, so that AddressSanitizer sees a step beyond it.
class Memory {
 public:
  Memory();

  // Refuses what `ClientChannel::map_answer` does, with Error(Protocol).
  ValueReadContext reader();
  // Places copies from the begin on; Error(System) when there is no more room.
  ValueWriteContext writer();
  // Whether the range lies in one of the blocks that were mapped.
  bool is_mapped(const std::byte* begin, std::size_t bytes) const;
  // Forgets all blocks; what lies in the memory stays.
  void reset();

 private:
  std::shared_ptr<std::vector<std::byte>> bytes_;
  std::size_t used_ = 0;
  std::vector<std::span<const std::byte>> mapped_;
};

}  // namespace hubcell::fuzz

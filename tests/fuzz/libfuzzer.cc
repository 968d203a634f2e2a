// libFuzzer's entry into a target.
#include <cstdint>

#include "tests/fuzz/target.h"

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                                                             std::size_t size) {
  hubcell::fuzz::run_input({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

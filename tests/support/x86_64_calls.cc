#include <asm/unistd_64.h>

#include "tests/support/call_numbers.h"

namespace hubcell::tests {

const CallNumbers& x86_64_calls() {
#define HUBCELL_TEST_NUMBER(name) {#name, __NR_##name},
  static const CallNumbers numbers{HUBCELL_TEST_CALLS(HUBCELL_TEST_NUMBER)};
#undef HUBCELL_TEST_NUMBER
  return numbers;
}

}  // namespace hubcell::tests

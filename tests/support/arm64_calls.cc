// What arm64's asm/unistd.h asks of the generic table.
#define __ARCH_WANT_RENAMEAT
#define __ARCH_WANT_NEW_STAT
#define __ARCH_WANT_SET_GET_RLIMIT
#define __ARCH_WANT_SYS_CLONE3
#define __ARCH_WANT_MEMFD_SECRET
#include <asm-generic/unistd.h>

#include "tests/support/call_numbers.h"

namespace hubcell::tests {

const CallNumbers& arm64_calls() {
#define HUBCELL_TEST_NUMBER(name) {#name, __NR_##name},
  static const CallNumbers numbers{HUBCELL_TEST_CALLS(HUBCELL_TEST_NUMBER)};
#undef HUBCELL_TEST_NUMBER
  return numbers;
}

}  // namespace hubcell::tests

// HUBCELL_CHECK(condition): our own invariant. Where it is broken the process stops with file and line.
#pragma once

namespace hubcell {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace hubcell

#define HUBCELL_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::hubcell::check_failed(#condition, __FILE__, __LINE__))

// Turns a failed system call into hubcell::Error: "open /x: Permission denied".
#pragma once

#include <string>

namespace hubcell::posix {

// Throws Error(System) with `attempt` and the text of errno.
[[noreturn]] void throw_errno(const std::string& attempt);
[[noreturn]] void throw_errno(const std::string& attempt, int error_number);

// `result` of a call that answers -1 with errno set; throws as above, else returns it.
template <typename Result>
Result checked(Result result, const std::string& attempt) {
  if (result == static_cast<Result>(-1)) throw_errno(attempt);
  return result;
}

}  // namespace hubcell::posix

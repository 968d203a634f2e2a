#include "shared/posix/system_error.h"

#include <cerrno>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell::posix {

void throw_errno(const std::string& attempt) {
  throw_errno(attempt, errno);
}

void throw_errno(const std::string& attempt, int error_number) {
  const char* advice = error_number == EMFILE ? "; ulimit -n says how many this process may have" : "";
  throw Error(ErrorCode::System, attempt + ": " + std::generic_category().message(error_number) + advice);
}

}  // namespace hubcell::posix

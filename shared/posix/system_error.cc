#include "shared/posix/system_error.h"

#include <cerrno>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell::posix {

void throw_errno(const std::string& attempt) {
  throw_errno(attempt, errno);
}

void throw_errno(const std::string& attempt, int error_number) {
  throw Error(ErrorCode::System, attempt + ": " + std::generic_category().message(error_number));
}

}  // namespace hubcell::posix

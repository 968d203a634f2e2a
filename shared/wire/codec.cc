#include "shared/wire/codec.h"

namespace hubcell::wire {

void malformed(const std::string& what) {
  throw Error(ErrorCode::Protocol, "malformed message: " + what);
}

}  // namespace hubcell::wire

// What lies between the commits of both sides.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// The first commits of the history are kept. What cannot be told (two repositories, a local folder) is in CodeResult::note.
void compare_code(const Model& a, const Model& b, const CompareOptions& options, CodeResult& code);

}  // namespace hubcell::compare

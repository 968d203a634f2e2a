// The exception that Python has raised, as hubcell::Error.
#pragma once

#include "shared/python/python.h"

namespace hubcell::python {

// Takes Python's current exception and throws it as Error(Remote): "ValueError: bad input". What foreign
// code put into it is bounded and kept as text.
[[noreturn]] void throw_current_exception();

}  // namespace hubcell::python

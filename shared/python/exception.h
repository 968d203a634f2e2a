// The exception that Python has raised, as hubcell::Error.
#pragma once

#include "shared/python/py_ref.h"

namespace hubcell::python {

// Takes Python's current exception and throws it as Error(Remote): "ValueError: bad input". What foreign
// code put into it is bounded and kept as text.
[[noreturn]] void throw_current_exception();

// For all of this process: `hint_of(exception)` is a str that its error says as well, or None.
void set_hints(PyRef hint_of);

}  // namespace hubcell::python

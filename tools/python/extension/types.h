// The extension's types: a session, an object of a worker, and a call in flight.
#pragma once

#include "shared/python/py_ref.h"

namespace hubcell::python_package {

python::PyRef make_session_type();
python::PyRef make_remote_type();
python::PyRef make_call_type();

// What its functions make of two models becomes the module's.
void add_comparison(PyObject* module);

// Made once, by the module.
struct Types {
  python::PyRef session, remote, call;
};
const Types& types();

}  // namespace hubcell::python_package

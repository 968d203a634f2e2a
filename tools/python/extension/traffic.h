// What compares models that are in use: splits, shadows and recordings of calls as the module's types and functions.
#pragma once

#include <hubcell/traffic.h>

#include "tools/python/extension/runtime.h"

namespace hubcell::python_package {

// Their functions and types become the module's.
void add_traffic(PyObject* module);
void add_recordings(PyObject* module);

// (method, arguments, keywords, state or None): a call, and what it depends on beside its arguments.
struct CallWords {
  std::string method;
  Arguments arguments;
  Keywords keywords;
  Value state;
};
CallWords read_call(PyObject* given);

// (arguments, keywords) of a call as a tuple and a dict. Files are shown as their bytes.
python::PyRef arguments_to_python(const Arguments& arguments, const Keywords& keywords);
// A dict.
python::PyRef difference_to_python(const compare::ValueDifference& difference);
// (type, message), or None.
python::PyRef failure_to_python(const std::optional<compare::CallFailure>& failure);
// None where there is none.
template <class Content, class Convert>
python::PyRef optional_to_python(const std::optional<Content>& content, Convert convert) {
  return content ? convert(*content) : python::PyRef::borrow(Py_None);
}

}  // namespace hubcell::python_package

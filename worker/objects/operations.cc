#include "worker/objects/operations.h"

#include <hubcell/error.h>

#include "shared/python/object.h"

namespace hubcell::worker {

using python::PyRef;

Operations::Operations(const std::string& folder)
    : table_(python::attribute(
          python::load_source_file("hubcell_operations", folder + "/operations.py").get(), "OPERATIONS")) {
  const PyRef trace = python::load_source_file("hubcell_trace", folder + "/trace.py");
  PyDict_SetItemString(table_.get(), "trace", python::attribute(trace.get(), "trace").get());
}

PyRef Operations::apply(const std::string& name, PyObject* arguments) const {
  PyObject* function = PyDict_GetItemString(table_.get(), name.c_str());
  if (function == nullptr) throw Error(ErrorCode::Usage, "there is no operation '" + name + "' on objects");
  return python::checked(PyObject_Call(function, arguments, nullptr));
}

}  // namespace hubcell::worker

// What callers do with the object behind a handle beside calling it: the C++ face of operations.py.
#pragma once

#include <string>

#include "shared/python/py_ref.h"

namespace hubcell::worker {

class Operations {
 public:
  // `folder` holds operations.py.
  explicit Operations(const std::string& folder);

  // Applies the operation called `name` ("len", "getitem", "lt", ...) to `arguments`, a tuple that begins with the
  // object. Throws Error(Usage) where there is no such operation, Error(Remote) for what Python raised.
  python::PyRef apply(const std::string& name, PyObject* arguments) const;

 private:
  python::PyRef table_;
};

}  // namespace hubcell::worker

// The owner of one reference to a Python object. Needs the GIL wherever it is copied or destroyed.
#pragma once

#include <utility>

#include "shared/python/python.h"

namespace hubcell::python {

class PyRef {
 public:
  PyRef() = default;
  // Takes over a reference that the caller owns (what most of Python's functions return); null is allowed.
  static PyRef steal(PyObject* object) { return PyRef(object); }
  // A further reference to an object that somebody else owns.
  static PyRef borrow(PyObject* object) {
    Py_XINCREF(object);
    return PyRef(object);
  }
  PyRef(const PyRef& other) : object_(other.object_) { Py_XINCREF(object_); }
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PyRef() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  explicit PyRef(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

}  // namespace hubcell::python

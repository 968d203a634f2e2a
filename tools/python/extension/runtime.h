// What the extension's types share: the conversion of values, the failures of C++ as Python exceptions, and the GIL.
#pragma once

#include <hubcell/hub.h>

#include <memory>
#include <string>

#include "shared/python/convert.h"
#include "shared/python/py_ref.h"

namespace hubcell::python_package {

// Python has raised, and the exception is still set.
struct PythonRaised {};

// An argument that cannot be sent: a TypeError in Python.
class UnsendableArgument : public Error {
 public:
  explicit UnsendableArgument(const std::string& message) : Error(ErrorCode::Usage, message) {}
};

// Lives as long as the process; made by `connect`, which the package calls when it is imported. Needs the GIL everywhere.
class Runtime {
 public:
  // The functions of hubcell._boundary.
  struct Parts {
    std::string folder;        // of kinds.py
    python::PyRef wrap;        // (Remote) -> what users hold
    python::PyRef unwrap;      // (anything) -> Remote, (name, content) of a File, or None
    python::PyRef make_error;  // (code, message, remote, death) -> an exception
    python::PyRef take_state;  // (a dict of random states that a call moved)
  };
  explicit Runtime(Parts parts);

  static void connect(Parts parts);
  // Throws Error(System) before `connect`.
  static Runtime& get();

  const Parts& parts() const { return parts_; }
  // Arguments of a call; what they share stays shared. Throws UnsendableArgument, which names the argument.
  void convert_arguments(PyObject* positional, PyObject* keywords, Arguments& arguments,
                         Keywords& named) const;
  // (grad, state or None, deadline in seconds). A state that is the same object as the last one has not changed.
  CallOptions convert_options(PyObject* options) const;
  python::PyRef to_python(const Value& value) const { return converter_.to_python(value); }
  Value to_value(PyObject* object) const { return converter_.to_value(object); }
  bool hold_the_same(PyObject* one, PyObject* other) const {
    return converter_.torch().hold_the_same(one, other);
  }
  // Hands what a call moved to `take_state`.
  void take_state(const Value& changed) const;
  // Sets the Python exception for `failure`.
  void raise(const Error& failure) const noexcept;
  void raise(const UnsendableArgument& failure) const noexcept;

 private:
  Value represent(PyObject* object, const Handle& described) const;
  void set_exception(int code, const Error& failure) const noexcept;

  Parts parts_;
  python::Converter converter_;
  // What convert_options converted last: most calls find the same state.
  mutable python::PyRef last_state_;
  mutable Value last_converted_;
};

// Runs `body`, which returns a PyRef, at the border to Python: null with an exception set where it throws.
template <class Body>
PyObject* at_border(Body body) {
  try {
    return python::PyRef(body()).release();
  } catch (const PythonRaised&) {
    return nullptr;
  } catch (const UnsendableArgument& failure) {
    Runtime::get().raise(failure);
  } catch (const Error& failure) {
    Runtime::get().raise(failure);
  } catch (const std::exception& failure) {
    PyErr_SetString(PyExc_MemoryError, failure.what());
  }
  return nullptr;
}

}  // namespace hubcell::python_package

// Taking and leaving the GIL, also while Python ends.
//
// A thread that asks for the GIL once Python has begun to end is ended by CPython where it stands (before 3.14), through
// C++ frames that cannot be unwound. So whoever knows that the end has come calls `interpreter_ends`, and other threads
// then stay where they are until the process is gone.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "shared/python/python.h"

namespace hubcell::python {

struct InterpreterEnd {
  std::atomic<bool> has_come = false;
  std::thread::id ending_thread;
};
inline InterpreterEnd interpreter_end;

// Called with the GIL, by the thread that ends Python.
inline void interpreter_ends() {
  interpreter_end.ending_thread = std::this_thread::get_id();
  interpreter_end.has_come = true;
}

inline void stay_if_interpreter_has_ended() {
  while (interpreter_end.has_come && std::this_thread::get_id() != interpreter_end.ending_thread)
    ::pause();
}

// With the GIL while it lives, on any thread.
class WithGil {
 public:
  WithGil() {
    stay_if_interpreter_has_ended();
    state_ = PyGILState_Ensure();
  }
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

// Without the GIL, which the thread has, while it lives.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    stay_if_interpreter_has_ended();
    PyEval_RestoreThread(state_);
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// A reference that is copied and dropped on any thread, with and without the GIL.
inline std::shared_ptr<PyObject> share(PyObject* object) {
  Py_INCREF(object);
  return {object, [](PyObject* held) {
            const WithGil gil;
            Py_DECREF(held);
          }};
}

}  // namespace hubcell::python

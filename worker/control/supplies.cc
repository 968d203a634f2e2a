#include "worker/control/supplies.h"

#include <chrono>
#include <optional>

#include <hubcell/error.h>

#include "shared/python/object.h"
#include "shared/python/python.h"

namespace hubcell::worker {
namespace {

constexpr const char* kCapsule = "hubcell.supplies";
constexpr std::chrono::milliseconds kSlice{50};

// Python has raised.
struct Interrupted {};

// Others may run Python meanwhile.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() { PyEval_RestoreThread(state_); }

 private:
  PyThreadState* state_;
};

template <class Ask>
PyObject* answer(PyObject* capsule, Ask ask) {
  auto* supplies = static_cast<Supplies*>(PyCapsule_GetPointer(capsule, kCapsule));
  if (supplies == nullptr) return nullptr;
  try {
    return python::make_text(ask(*supplies)).release();
  } catch (const Interrupted&) {
    return nullptr;
  } catch (const Error& refusal) {
    PyErr_SetString(PyExc_OSError, refusal.what());
  }
  return nullptr;
}

PyObject* want_file(PyObject* capsule, PyObject* given) {
  PyObject *url = nullptr, *hash_prefix = nullptr;
  if (PyArg_ParseTuple(given, "UU", &url, &hash_prefix) == 0) return nullptr;
  return answer(capsule, [&](Supplies& supplies) {
    return supplies.want(
        wire::WantFile{.url = python::text_of(url), .hash_prefix = python::text_of(hash_prefix)});
  });
}

PyObject* want_repository(PyObject* capsule, PyObject* given) {
  PyObject* repository = nullptr;
  int refresh = 0;
  if (PyArg_ParseTuple(given, "Up", &repository, &refresh) == 0) return nullptr;
  return answer(capsule, [&](Supplies& supplies) {
    return supplies.want(
        wire::WantRepository{.repository = python::text_of(repository), .refresh = refresh != 0});
  });
}

python::PyRef make_function(PyMethodDef& method, Supplies* self) {
  const python::PyRef capsule = python::checked(PyCapsule_New(self, kCapsule, nullptr));
  return python::checked(PyCFunction_New(&method, capsule.get()));
}

}  // namespace

python::PyRef Supplies::file_function() {
  static PyMethodDef method{"want_file", &want_file, METH_VARARGS, "want_file(url, hash_prefix): a path"};
  return make_function(method, this);
}

python::PyRef Supplies::repository_function() {
  static PyMethodDef method{"want_repository", &want_repository, METH_VARARGS,
                            "want_repository(name, refresh): a path"};
  return make_function(method, this);
}

template <class Wanted>
std::string Supplies::want(const Wanted& wanted) {
  std::unique_lock lock(mutex_, std::defer_lock);
  {
    const WithoutGil open;
    lock.lock();
  }
  const std::uint64_t request = line_.begin(wanted);
  try {
    return await_answer(request);
  } catch (...) {
    line_.give_up(request);
    throw;
  }
}

std::string Supplies::await_answer(std::uint64_t request) {
  for (;;) {
    std::optional<wire::Frame> frame;
    {
      const WithoutGil open;
      frame = line_.wait(request, kSlice);
    }
    if (PyErr_CheckSignals() != 0) throw Interrupted();
    if (frame) return frame->as<wire::Granted>().path;
  }
}

}  // namespace hubcell::worker

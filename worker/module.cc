// The extension module that a template imports: `run_template(socket)`.
#include <unistd.h>

#include <dlfcn.h>

#include <filesystem>

#include <hubcell/error.h>

#include "shared/python/python.h"
#include "shared/wire/frame.h"
#include "worker/template.h"

namespace {

// The folder of this very file: our Python files lie beside it.
std::string own_folder() {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(&own_folder), &self) == 0) return ".";
  return std::filesystem::canonical(self.dli_fname).parent_path();
}

PyObject* run_template(PyObject*, PyObject* argument) {
  const long descriptor = PyLong_AsLong(argument);
  if (descriptor < 0) return nullptr;
  const hubcell::posix::UniqueFd failure_socket(::dup(static_cast<int>(descriptor)));
  hubcell::wire::send_frame(failure_socket.get(), 0, hubcell::wire::TemplateStarting{});
  try {
    hubcell::worker::Template(hubcell::posix::UniqueFd(static_cast<int>(descriptor)), own_folder()).run();
  } catch (const std::exception& failure) {
    hubcell::wire::send_frame(failure_socket.get(), 0,
                              hubcell::wire::WorkerFailed{.worker = 0, .message = failure.what()});
  }
  // Nothing of the interpreter's own end is needed, and torch's takes long.
  ::_exit(0);
}

PyMethodDef methods[] = {
    {"run_template", run_template, METH_O, "Serves as a template on a socket's descriptor; does not return."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef module_definition{PyModuleDef_HEAD_INIT,
                              "_hubcell_worker",
                              "hubcell's worker.",
                              0,
                              methods,
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr};

}  // namespace

// The name is Python's rule.
PyMODINIT_FUNC PyInit__hubcell_worker() {  // NOLINT(bugprone-reserved-identifier)
  return PyModule_Create(&module_definition);
}

// The module _hubcell: the C++ client for the Python package, which is what users see.
#include "shared/python/gil.h"
#include "shared/python/object.h"
#include "tools/client/installation.h"
#include "tools/client/trust.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/runtime.h"
#include "tools/python/extension/traffic.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using python::PyRef;

namespace {

// Never destroyed: Python may have ended before.
Types* made_types = nullptr;

// Signals are Python's to handle: Ctrl-C ends a wait as it would end any other.
void check_signals() {
  const python::WithGil gil;
  if (PyErr_CheckSignals() != 0) throw PythonRaised();
}

// Python has checked the name.
Sandbox sandbox_named(std::string_view name) {
  if (name == "full") return Sandbox::Full;
  if (name == "minimal") return Sandbox::Minimal;
  return name == "off" ? Sandbox::Off : Sandbox::Best;
}

std::vector<std::string> texts_of(PyObject* tuple) {
  std::vector<std::string> texts;
  for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); ++i)
    texts.push_back(python::text_of(PyTuple_GetItem(tuple, i)));
  return texts;
}

// A failure in it is the program's own, and ends the load.
void tell_progress(PyObject* callable, const std::string& what, std::uint64_t done, std::uint64_t total) {
  const python::WithGil gil;
  const PyRef answer =
      PyRef::steal(PyObject_CallFunction(callable, "sKK", what.c_str(), static_cast<unsigned long long>(done),
                                         static_cast<unsigned long long>(total)));
  if (!answer) throw PythonRaised();
}

// (python, seed or None, memory in bytes, threads, deadline in seconds, hub folder, progress, lock, (allowed to read, to
// write, hosts), sandbox, scratch in bytes, whether the checkout is to be written, socket or None, replicas, whether models are
// stateless)
PyObject* open_session(PyObject*, PyObject* given) {
  return at_border([&] {
    const char *interpreter = nullptr, *hub_folder = nullptr, *lock = nullptr, *sandbox = nullptr;
    PyObject *seed = nullptr, *progress = nullptr, *read = nullptr, *write = nullptr, *hosts = nullptr,
             *socket = nullptr;
    unsigned long long memory = 0, scratch = 0;
    int writable_checkout = 0, stateless = 0;
    unsigned int threads = 0, replicas = 1;
    double deadline = 0;
    if (PyArg_ParseTuple(given, "sOKIdsOs(OOO)sKpOIp", &interpreter, &seed, &memory, &threads, &deadline,
                         &hub_folder, &progress, &lock, &read, &write, &hosts, &sandbox, &scratch,
                         &writable_checkout, &socket, &replicas, &stateless) == 0)
      throw PythonRaised();
    HubOptions options{
        .python = interpreter,
        .memory_bytes = memory,
        .threads = threads,
        .deadline = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * deadline)),
        .hub_folder = hub_folder,
        .sandbox = sandbox_named(sandbox),
        .allow_read = texts_of(read),
        .allow_write = texts_of(write),
        .scratch_bytes = scratch,
        .writable_checkout = writable_checkout != 0,
        .allow_net = texts_of(hosts),
        .lock = lock,
        .replicas = replicas,
        .stateless = stateless != 0,
        .progress = [callable = python::share(progress)](
                        const std::string& what, std::uint64_t done,
                        std::uint64_t total) { tell_progress(callable.get(), what, done, total); },
        .poll = &check_signals};
    if (socket != Py_None) options.socket = python::text_of(socket);
    if (seed != Py_None) options.seed = PyLong_AsUnsignedLongLong(seed);
    if (PyErr_Occurred() != nullptr) throw PythonRaised();
    return make_native(types().session.get(), without_gil([&] { return Hub(std::move(options)); }));
  });
}

// (folder of kinds.py, wrap, unwrap, make_error, take_state)
PyObject* connect(PyObject*, PyObject* given) {
  return at_border([&] {
    const char* folder = nullptr;
    PyObject *wrap = nullptr, *unwrap = nullptr, *make_error = nullptr, *take_state = nullptr;
    if (PyArg_ParseTuple(given, "sOOOO", &folder, &wrap, &unwrap, &make_error, &take_state) == 0)
      throw PythonRaised();
    Runtime::connect({.folder = folder,
                      .wrap = PyRef::borrow(wrap),
                      .unwrap = PyRef::borrow(unwrap),
                      .make_error = PyRef::borrow(make_error),
                      .take_state = PyRef::borrow(take_state)});
    return PyRef::borrow(Py_None);
  });
}

// (hub_folder, repository) -> None where it needs no trust, else (is trusted, owner/name, owner_name)
PyObject* trust_of(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *folder = nullptr, *repository = nullptr;
    if (PyArg_ParseTuple(given, "UU", &folder, &repository) == 0) throw PythonRaised();
    const auto name = client::github_name(python::text_of(repository));
    if (!name) return PyRef::borrow(Py_None);
    const bool is_trusted = client::TrustList(python::text_of(folder)).trusts(*name);
    return python::checked(Py_BuildValue("(Oss)", is_trusted ? Py_True : Py_False, name->line().c_str(),
                                         name->torch_line().c_str()));
  });
}

// (hub_folder, repository) -> what could not be written
PyObject* remember_trust(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *folder = nullptr, *repository = nullptr;
    if (PyArg_ParseTuple(given, "UU", &folder, &repository) == 0) throw PythonRaised();
    PyRef failures = python::checked(PyList_New(0));
    if (const auto name = client::github_name(python::text_of(repository))) {
      for (const std::string& failure : client::TrustList(python::text_of(folder)).add(*name))
        PyList_Append(failures.get(), python::make_text(failure).get());
    }
    return failures;
  });
}

// (tensor, tensor)
PyObject* hold_the_same(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *one = nullptr, *other = nullptr;
    if (PyArg_ParseTuple(given, "OO", &one, &other) == 0) throw PythonRaised();
    return PyRef::borrow(Runtime::get().hold_the_same(one, other) ? Py_True : Py_False);
  });
}

PyObject* libexec_folder(PyObject*, PyObject*) {
  return at_border([&] { return python::make_text(client::find_libexec()); });
}

PyObject* end(PyObject*, PyObject*) {
  python::interpreter_ends();
  return PyRef::borrow(Py_None).release();
}

PyMethodDef functions[] = {
    {"open_session", &open_session, METH_VARARGS,
     "open_session(python, seed, memory, threads, deadline, hub_folder, progress, lock, (allow_read, "
     "allow_write, allow_net), sandbox, scratch, writable_checkout, socket, replicas, stateless)"},
    {"connect", &connect, METH_VARARGS,
     "connect(folder, wrap, unwrap, make_error, take_state): once, before all else"},
    {"end", &end, METH_NOARGS, "end(): Python ends; other threads that wait here wait for ever"},
    {"trust_of", &trust_of, METH_VARARGS,
     "trust_of(hub_folder, repository): (is trusted, owner/name, owner_name), or None: it needs no trust"},
    {"remember_trust", &remember_trust, METH_VARARGS,
     "remember_trust(hub_folder, repository): what could not be written"},
    {"libexec_folder", &libexec_folder, METH_NOARGS,
     "libexec_folder(): where hubcell's programs and files lie"},
    {"hold_the_same", &hold_the_same, METH_VARARGS,
     "hold_the_same(tensor, other): whether both are plain tensors of the same bytes"},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition{.m_base = PyModuleDef_HEAD_INIT,
                       .m_name = "_hubcell",
                       .m_doc = "The C++ client of hubcell; the package hubcell is what users see.",
                       .m_size = -1,
                       .m_methods = functions,
                       .m_slots = nullptr,
                       .m_traverse = nullptr,
                       .m_clear = nullptr,
                       .m_free = nullptr};

PyRef make_module() {
  PyRef module = python::checked(PyModule_Create(&definition));
  made_types =
      new Types{.session = make_session_type(), .remote = make_remote_type(), .call = make_call_type()};
  PyModule_AddObject(module.get(), "Session", PyRef(made_types->session).release());
  PyModule_AddObject(module.get(), "Remote", PyRef(made_types->remote).release());
  PyModule_AddObject(module.get(), "Call", PyRef(made_types->call).release());
  add_comparison(module.get());
  add_traffic(module.get());
  add_recordings(module.get());
  PyModule_AddStringConstant(module.get(), "__version__", hubcell::version());
  return module;
}

}  // namespace

const Types& types() {
  return *made_types;
}

}  // namespace hubcell::python_package

PyMODINIT_FUNC PyInit__hubcell() {
  try {
    return hubcell::python_package::make_module().release();
  } catch (const std::exception& failure) {
    PyErr_SetString(PyExc_ImportError, failure.what());
    return nullptr;
  }
}

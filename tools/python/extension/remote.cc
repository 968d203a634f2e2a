// An object of a worker, as `_hubcell.Remote`; and a call of it in flight, as `_hubcell.Call`.
#include "shared/python/object.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using python::PyRef;

namespace {

struct Words {
  std::string name;
  Arguments arguments;
  Keywords keywords;
  CallOptions options;
};

// (name, arguments, keywords or None, options)
Words read_words(PyObject* given) {
  PyObject *name = nullptr, *positional = nullptr, *keywords = nullptr, *options = nullptr;
  if (PyArg_ParseTuple(given, "UOOO", &name, &positional, &keywords, &options) == 0) throw PythonRaised();
  Words words;
  words.name = python::text_of(name);
  words.options = Runtime::get().convert_options(options);
  Runtime::get().convert_arguments(positional, keywords, words.arguments, words.keywords);
  return words;
}

PyRef list_of(const std::vector<std::int64_t>& numbers) {
  PyRef list = python::checked(PyList_New(0));
  for (const std::int64_t number : numbers)
    PyList_Append(list.get(), python::checked(PyLong_FromLongLong(number)).get());
  return list;
}

PyObject* call(PyObject* self, PyObject* given) {
  return at_border([&] {
    Words words = read_words(given);
    return await_answer(std::move(words.options), [&](CallOptions options) {
      return content_of<Object>(self).call(words.name, std::move(words.arguments), std::move(words.keywords),
                                           std::move(options));
    });
  });
}

PyObject* operate(PyObject* self, PyObject* given) {
  return at_border([&] {
    Words words = read_words(given);
    return await_answer(std::move(words.options), [&](CallOptions options) {
      return content_of<Object>(self).operate(words.name, std::move(words.arguments), std::move(options));
    });
  });
}

// What `start` returns for the words, as a Call.
template <class Start>
PyObject* begin_with(PyObject* given, Start start) {
  return at_border([&] {
    Words words = read_words(given);
    Future future = without_gil([&] { return start(words); });
    return make_native(types().call.get(), std::move(future));
  });
}

PyObject* begin(PyObject* self, PyObject* given) {
  return begin_with(given, [&](Words& words) {
    return content_of<Object>(self).call_async(words.name, std::move(words.arguments),
                                               std::move(words.keywords), std::move(words.options));
  });
}

PyObject* begin_operation(PyObject* self, PyObject* given) {
  return begin_with(given, [&](Words& words) {
    return content_of<Object>(self).operate_async(words.name, std::move(words.arguments),
                                                  std::move(words.options));
  });
}

PyObject* attribute(PyObject* self, PyObject* name) {
  return at_border([&] {
    const std::string text = python::text_of(name);
    return await_answer({}, [&](const CallOptions&) { return content_of<Object>(self).attribute(text); });
  });
}

PyObject* info(PyObject* self, PyObject*) {
  return at_border([&] { return info_to_python(content_of<Object>(self).info()); });
}

PyObject* pid(PyObject* self, PyObject*) {
  return at_border([&] { return python::checked(PyLong_FromLongLong(content_of<Object>(self).pid())); });
}

PyObject* pids(PyObject* self, PyObject*) {
  return at_border([&] { return list_of(content_of<Object>(self).pids()); });
}

// (name of a dtype, tuple of sizes)
PyObject* empty(PyObject* self, PyObject* given) {
  return at_border([&] {
    const char* name = nullptr;
    PyObject* sizes = nullptr;
    if (PyArg_ParseTuple(given, "sO!", &name, &PyTuple_Type, &sizes) == 0) throw PythonRaised();
    const std::optional<DType> dtype = dtype_named(name);
    if (!dtype)
      throw Error(ErrorCode::Usage,
                  std::string("make an empty tensor of ") + name + ": that dtype stays here");
    const std::vector<std::int64_t> shape = python::integers_of(sizes);
    return Runtime::get().to_python(
        without_gil([&] { return content_of<Object>(self).empty(*dtype, shape); }));
  });
}

// (class name, whether it is callable, whether it is a torch.nn.Module)
PyObject* kind(PyObject* self, PyObject*) {
  return at_border([&] {
    const Object& object = content_of<Object>(self);
    return python::checked(Py_BuildValue("(sNN)", object.class_name().c_str(),
                                         PyBool_FromLong(object.is_callable()),
                                         PyBool_FromLong(object.is_module())));
  });
}

PyObject* wait(PyObject* self, PyObject* seconds) {
  return at_border([&] {
    const double number = PyFloat_AsDouble(seconds);
    if (PyErr_Occurred() != nullptr) throw PythonRaised();
    const std::chrono::milliseconds time(static_cast<std::int64_t>(1000 * number));
    const bool done = without_gil([&] { return content_of<Future>(self).wait_for(time); });
    return PyRef::borrow(done ? Py_True : Py_False);
  });
}

PyObject* result(PyObject* self, PyObject*) {
  return at_border([&] {
    Future& future = content_of<Future>(self);
    return await_answer({}, [&](const CallOptions& options) {
      struct Changed {
        Future& future;
        Value* place;
        ~Changed() { *place = future.state(); }
      } const changed{future, options.changed_state};
      return future.get();
    });
  });
}

PyObject* cancel(PyObject* self, PyObject*) {
  return at_border([&] {
    const bool given_up = without_gil([&] { return content_of<Future>(self).cancel(); });
    return PyRef::borrow(given_up ? Py_True : Py_False);
  });
}

PyObject* running(PyObject* self, PyObject*) {
  return at_border([&] { return PyRef::borrow(content_of<Future>(self).is_running() ? Py_True : Py_False); });
}

PyMethodDef remote_methods[] = {
    {"call", &call, METH_VARARGS,
     "call(method, arguments, keywords, options): calls it, or one of its methods"},
    {"begin", &begin, METH_VARARGS, "begin(method, arguments, keywords, options): starts a call"},
    {"begin_operation", &begin_operation, METH_VARARGS,
     "begin_operation(operation, arguments, None, options): starts one of operations.py"},
    {"operate", &operate, METH_VARARGS, "operate(operation, arguments, None, options): one of operations.py"},
    {"attribute", &attribute, METH_O, "attribute(name)"},
    {"info", &info, METH_NOARGS, "info(): a dict that says which model it belongs to"},
    {"pid", &pid, METH_NOARGS, "pid(): the worker's process"},
    {"pids", &pids, METH_NOARGS, "pids(): those of all its replicas"},
    {"empty", &empty, METH_VARARGS,
     "empty(dtype, shape): a tensor that goes into its worker's calls without a copy"},
    {"kind", &kind, METH_NOARGS, "kind(): (class name, is callable, is a module)"},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef call_methods[] = {
    {"wait", &wait, METH_O, "wait(seconds): whether its answer is there"},
    {"result", &result, METH_NOARGS, "result(): waits for the answer, once"},
    {"cancel", &cancel, METH_NOARGS, "cancel(): gives it up; False where the answer was there first"},
    {"running", &running, METH_NOARGS, "running(): whether the worker has begun it"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyRef info_to_python(const ModelInfo& info) {
  return python::checked(Py_BuildValue(
      "{s:s,s:s,s:s,s:L,s:s,s:s,s:s,s:s,s:d,s:K,s:K,s:K,s:K,s:n,s:N}", "repo", info.repository.c_str(), "ref",
      info.ref.c_str(), "commit", info.commit.c_str(), "pid", static_cast<long long>(info.pid), "python",
      info.python.c_str(), "torch", info.torch.c_str(), "sandbox", info.sandbox.c_str(), "folder",
      info.folder.c_str(), "load_s", info.load_seconds, "shared_bytes",
      static_cast<unsigned long long>(info.shared_bytes), "private_bytes",
      static_cast<unsigned long long>(info.private_bytes), "weights_bytes",
      static_cast<unsigned long long>(info.weights_bytes), "common_weights_bytes",
      static_cast<unsigned long long>(info.common_weights_bytes), "replicas",
      static_cast<Py_ssize_t>(info.replicas), "pids", list_of(info.pids).release()));
}

PyRef make_remote_type() {
  return make_native_type<Object>("_hubcell.Remote", "An object that lives in a worker.", remote_methods);
}

PyRef make_call_type() {
  return make_native_type<Future>("_hubcell.Call", "A call in flight. Dropping it abandons the answer.",
                                  call_methods);
}

}  // namespace hubcell::python_package

// A Hub, as `_hubcell.Session`.
#include "shared/python/object.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using python::PyRef;

namespace {

Hub& hub_of(PyObject* self) {
  return content_of<Hub>(self);
}

PyObject* load(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *repository = nullptr, *entry = nullptr, *positional = nullptr, *keywords = nullptr,
             *options = nullptr;
    if (PyArg_ParseTuple(given, "UUOOO", &repository, &entry, &positional, &keywords, &options) == 0)
      throw PythonRaised();
    const std::string name = python::text_of(repository), entrypoint = python::text_of(entry);
    Arguments arguments;
    Keywords named;
    CallOptions call_options = Runtime::get().convert_options(options);
    Runtime::get().convert_arguments(positional, keywords, arguments, named);
    return await_answer(std::move(call_options), [&](CallOptions waiting) {
      return hub_of(self).load(name, entrypoint, std::move(arguments), std::move(named), std::move(waiting));
    });
  });
}

PyObject* list(PyObject* self, PyObject* repository) {
  return at_border([&] {
    const std::string name = python::text_of(repository);
    const std::vector<std::string> names = without_gil([&] { return hub_of(self).list(name); });
    PyRef result = python::checked(PyList_New(0));
    for (const std::string& entry : names)
      PyList_Append(result.get(), python::make_text(entry).get());
    return result;
  });
}

PyObject* docstring(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *repository = nullptr, *entry = nullptr;
    if (PyArg_ParseTuple(given, "UU", &repository, &entry) == 0) throw PythonRaised();
    const std::string name = python::text_of(repository), entrypoint = python::text_of(entry);
    const auto text = without_gil([&] { return hub_of(self).docstring(name, entrypoint); });
    return text ? python::make_text(*text) : PyRef::borrow(Py_None);
  });
}

PyObject* info(PyObject* self, PyObject* repository) {
  return at_border([&] {
    const std::string name = python::text_of(repository);
    return info_to_python(without_gil([&] { return hub_of(self).info(name); }));
  });
}

PyObject* reload(PyObject* self, PyObject* repository) {
  return at_border([&] {
    const std::string name = python::text_of(repository);
    return info_to_python(without_gil([&] { return hub_of(self).reload(name); }));
  });
}

PyObject* download_url_to_file(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *url = nullptr, *path = nullptr, *hash_prefix = nullptr;
    if (PyArg_ParseTuple(given, "UUU", &url, &path, &hash_prefix) == 0) throw PythonRaised();
    const std::string from = python::text_of(url), to = python::text_of(path),
                      prefix = python::text_of(hash_prefix);
    without_gil([&] { hub_of(self).download_url_to_file(from, to, prefix); });
    return PyRef::borrow(Py_None);
  });
}

PyObject* load_state_dict_from_url(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *url = nullptr, *folder = nullptr, *name = nullptr, *map_location = nullptr;
    int check_hash = 0, weights_only = 0;
    if (PyArg_ParseTuple(given, "UUUOpp", &url, &folder, &name, &map_location, &check_hash, &weights_only) ==
        0)
      throw PythonRaised();
    const std::string from = python::text_of(url);
    StateDictOptions options{.folder = python::text_of(folder),
                             .file_name = python::text_of(name),
                             .check_hash = check_hash != 0,
                             .map_location = Runtime::get().to_value(map_location),
                             .weights_only = weights_only != 0};
    const Value state_dict =
        without_gil([&] { return hub_of(self).load_state_dict_from_url(from, std::move(options)); });
    return Runtime::get().to_python(state_dict);
  });
}

PyObject* close(PyObject* self, PyObject*) {
  return at_border([&] {
    without_gil([&] { hub_of(self).close(); });
    return PyRef::borrow(Py_None);
  });
}

PyObject* abandon(PyObject* self, PyObject*) {
  return at_border([&] {
    hub_of(self).abandon();
    return PyRef::borrow(Py_None);
  });
}

PyMethodDef methods[] = {
    {"load", &load, METH_VARARGS, "load(repository, entry, arguments, keywords, options)"},
    {"list", &list, METH_O, "list(repository): names of the entrypoints"},
    {"docstring", &docstring, METH_VARARGS, "docstring(repository, entry): a str, or None"},
    {"info", &info, METH_O, "info(repository): a dict; opens the repository's worker if need be"},
    {"reload", &reload, METH_O, "reload(repository): like info, after fetching it again into a new worker"},
    {"download_url_to_file", &download_url_to_file, METH_VARARGS,
     "download_url_to_file(url, path, hash_prefix)"},
    {"load_state_dict_from_url", &load_state_dict_from_url, METH_VARARGS,
     "load_state_dict_from_url(url, folder, file_name, map_location, check_hash, weights_only)"},
    {"close", &close, METH_NOARGS, "close(): ends its workers"},
    {"abandon", &abandon, METH_NOARGS, "abandon(): in a forked child, lets go of the parent's session"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyRef make_session_type() {
  return make_native_type<Hub>("_hubcell.Session", "A supervisor, and the options of its workers.", methods);
}

}  // namespace hubcell::python_package

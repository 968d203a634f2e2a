#include "shared/python/object.h"

#include <map>

#include "shared/python/exception.h"

namespace hubcell::python {
namespace {

PyRef run_source_file(const std::string& name, const std::string& path) {
  const PyRef util = import_module("importlib.util");
  const PyRef spec = call(attribute(util.get(), "spec_from_file_location").get(),
                          {make_text(name).get(), make_text(path).get()});
  PyRef module = call(attribute(util.get(), "module_from_spec").get(), {spec.get()});
  const PyRef loader = attribute(spec.get(), "loader");
  call(attribute(loader.get(), "exec_module").get(), {module.get()});
  return module;
}

}  // namespace

PyRef checked(PyObject* result) {
  if (result == nullptr) throw_current_exception();
  return PyRef::steal(result);
}

PyRef attribute(PyObject* object, const std::string& name) {
  return checked(PyObject_GetAttr(object, make_text(name).get()));
}

PyRef call(PyObject* callable, std::initializer_list<PyObject*> arguments) {
  PyObject* const* const given = arguments.begin();
  switch (arguments.size()) {  // no tuple is made for these
    case 1:
      return checked(PyObject_CallFunctionObjArgs(callable, given[0], nullptr));
    case 2:
      return checked(PyObject_CallFunctionObjArgs(callable, given[0], given[1], nullptr));
    default:
      break;
  }
  const PyRef tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(arguments.size())));
  Py_ssize_t index = 0;
  for (PyObject* argument : arguments)
    PyTuple_SetItem(tuple.get(), index++, PyRef::borrow(argument).release());
  return checked(PyObject_Call(callable, tuple.get(), nullptr));
}

PyRef make_text(const std::string& text) {
  return checked(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogatepass"));
}

std::string text_of(PyObject* text) {
  const PyRef bytes = checked(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) throw_current_exception();
  return {data, static_cast<std::size_t>(size)};
}

PyRef import_module(const char* name) {
  return checked(PyImport_ImportModule(name));
}

PyRef load_source_file(const std::string& name, const std::string& path) {
  // Never destroyed: the interpreter may end before.
  static auto& loaded = *new std::map<std::string, PyRef>;
  PyRef& module = loaded[path];
  if (!module) module = run_source_file(name, path);
  return module;
}

}  // namespace hubcell::python

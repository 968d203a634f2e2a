// An exception of foreign code is foreign itself: its __str__ may raise, print or return megabytes, its class
// may lie about its name. Everything here is asked for with the failure of asking as an ordinary case.
#include "shared/python/exception.h"

#include <hubcell/error.h>

#include <algorithm>
#include <string>
#include <utility>

#include "shared/python/py_ref.h"

namespace hubcell::python {
namespace {

constexpr std::size_t kMessageBytesMax = std::size_t{8} * 1024;
constexpr std::size_t kTracebackBytesMax = std::size_t{64} * 1024;

// The text of a str object, or `otherwise` where there is none; what Python raised meanwhile is dropped.
std::string text_or(const PyRef& text, const std::string& otherwise) {
  if (text && PyUnicode_Check(text.get())) {
    const PyRef bytes = PyRef::steal(PyUnicode_AsEncodedString(text.get(), "utf-8", "backslashreplace"));
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (bytes && PyBytes_AsStringAndSize(bytes.get(), &data, &size) == 0) {
      return {data, static_cast<std::size_t>(size)};
    }
  }
  PyErr_Clear();
  return otherwise;
}

std::string name_of(PyObject* type, const char* attribute) {
  return text_or(PyRef::steal(PyObject_GetAttrString(type, attribute)), "?");
}

std::string class_name(PyObject* type) {
  const std::string module = name_of(type, "__module__");
  const std::string name = name_of(type, "__qualname__");
  return module == "builtins" ? name : module + "." + name;
}

// The first class of the exception's own order of resolution that Python brings.
std::string builtin_name(PyObject* type) {
  const PyRef order = PyRef::steal(PyObject_GetAttrString(type, "__mro__"));
  if (!order || !PyTuple_Check(order.get())) {
    PyErr_Clear();
    return "Exception";
  }
  for (Py_ssize_t i = 0; i < PyTuple_Size(order.get()); ++i) {
    PyObject* base = PyTuple_GetItem(order.get(), i);
    if (name_of(base, "__module__") == "builtins") return name_of(base, "__qualname__");
  }
  return "Exception";
}

std::string format_traceback(PyObject* type, PyObject* value, PyObject* traceback) {
  const PyRef module = PyRef::steal(PyImport_ImportModule("traceback"));
  const PyRef lines =
      module ? PyRef::steal(PyObject_CallMethod(module.get(), "format_exception", "OOO", type, value,
                                                traceback == nullptr ? Py_None : traceback))
             : PyRef();
  const PyRef empty = PyRef::steal(PyUnicode_FromString(""));
  const PyRef text = lines ? PyRef::steal(PyUnicode_Join(empty.get(), lines.get())) : PyRef();
  return text_or(text, "");
}

// The end says where it was raised.
std::string bounded(std::string text, std::size_t bytes_max, bool keep_end) {
  if (text.size() <= bytes_max) return text;
  return keep_end ? "... " + text.substr(text.size() - bytes_max) : text.substr(0, bytes_max) + " ...";
}

// Kept for as long as the process lives: it is called while an interpreter is there, and so is never freed after one.
PyObject* hints = nullptr;

std::string hint_for(PyObject* value, PyObject* traceback) {
  if (hints == nullptr || value == nullptr) return "";
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  return text_or(PyRef::steal(PyObject_CallFunctionObjArgs(hints, value, nullptr)), "");
}

}  // namespace

void set_hints(PyRef hint_of) {
  Py_XDECREF(std::exchange(hints, hint_of.release()));
}

void throw_current_exception() {
  PyObject* raw_type = nullptr;
  PyObject* raw_value = nullptr;
  PyObject* raw_traceback = nullptr;
  PyErr_Fetch(&raw_type, &raw_value, &raw_traceback);
  PyErr_NormalizeException(&raw_type, &raw_value, &raw_traceback);
  const PyRef type = PyRef::steal(raw_type);
  const PyRef value = PyRef::steal(raw_value);
  const PyRef traceback = PyRef::steal(raw_traceback);
  if (!type) throw Error(ErrorCode::System, "Python failed without an exception");
  RemoteException remote;
  remote.type = class_name(type.get());
  remote.builtin = builtin_name(type.get());
  const PyRef message = value ? PyRef::steal(PyObject_Str(value.get())) : PyRef();
  remote.message = bounded(text_or(message, "(its message cannot be shown)"), kMessageBytesMax, false);
  remote.traceback = bounded(format_traceback(type.get(), value ? value.get() : Py_None, traceback.get()),
                             kTracebackBytesMax, true);
  std::string line = remote.message.empty() ? remote.type : remote.type + ": " + remote.message;
  const std::string hint = bounded(hint_for(value.get(), traceback.get()), kMessageBytesMax, false);
  // Behind the first line, which says what happened; some exceptions bring pages.
  if (!hint.empty()) line.insert(std::min(line.find('\n'), line.size()), "; " + hint);
  throw Error(std::move(remote), line);
}

}  // namespace hubcell::python

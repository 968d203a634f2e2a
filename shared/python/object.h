// Python's basic verbs on objects, with PyRef for results and exceptions for failures.
//
// Every function here throws Error(Remote) with what Python raised (exception.h).
#pragma once

#include <initializer_list>
#include <string>

#include "shared/python/py_ref.h"

namespace hubcell::python {

// The owner of `result`, a new reference; null means that Python has raised.
PyRef checked(PyObject* result);

PyRef attribute(PyObject* object, const std::string& name);
PyRef call(PyObject* callable, std::initializer_list<PyObject*> arguments = {});
// Lone surrogates pass both ways.
PyRef make_text(const std::string& text);
std::string text_of(PyObject* text);
PyRef import_module(const char* name);
// The file `path` as a module called `name`, which sys.modules does not learn of. It is run once, also for processes that are forked
// later.
PyRef load_source_file(const std::string& name, const std::string& path);

}  // namespace hubcell::python

// A C++ object as a Python type of the limited API: how the extension's types are made.
#pragma once

#include <utility>

#include "shared/python/object.h"

namespace hubcell::python_package {

// An instance; Python code cannot make one, and sees methods only.
template <class Content>
struct Native {
  PyObject ob_base;
  Content* content;
};

template <class Content>
Content& content_of(PyObject* self) {
  return *reinterpret_cast<Native<Content>*>(self)->content;
}

template <class Content>
void destroy_native(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<Native<Content>*>(self)->content;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

// object's own would make instances without content.
inline PyObject* refuse_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError, "hubcell makes these itself");
  return nullptr;
}

// A new type. `methods` ends with a null entry and lives for ever, like `name` and `doc`.
template <class Content>
python::PyRef make_native_type(const char* name, const char* doc, PyMethodDef* methods) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(&refuse_new)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(&destroy_native<Content>)},
                         {Py_tp_methods, methods},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {0, nullptr}};
  PyType_Spec spec{.name = name,
                   .basicsize = sizeof(Native<Content>),
                   .itemsize = 0,
                   .flags = Py_TPFLAGS_DEFAULT,
                   .slots = slots};
  return python::checked(PyType_FromSpec(&spec));
}

template <class Content>
python::PyRef make_native(PyObject* type, Content content) {
  auto* object = reinterpret_cast<PyTypeObject*>(type);
  const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(object, Py_tp_alloc));
  python::PyRef self = python::checked(allocate(object, 0));
  reinterpret_cast<Native<Content>*>(self.get())->content = new Content(std::move(content));
  return self;
}

}  // namespace hubcell::python_package

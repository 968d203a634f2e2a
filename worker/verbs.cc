#include "worker/verbs.h"

#include <hubcell/error.h>

#include "shared/python/exception.h"
#include "shared/python/object.h"

namespace hubcell::worker {

using channel::CallRequest;
using channel::Verb;
using python::PyRef;

// The function below torch.set_grad_enabled, which is a class: foreign code may have replaced that.
Verbs::Verbs(const python::Converter& converter, const ObjectTable& objects, const HubModule& hub)
    : converter_(converter),
      objects_(objects),
      hub_(hub),
      set_grad_enabled_(python::attribute(python::import_module("torch._C").get(), "_set_grad_enabled")) {}

Value Verbs::perform(const CallRequest& request) const {
  return converter_.to_value(run(request).get());
}

PyRef Verbs::run(const CallRequest& request) const {
  switch (request.verb) {
    case Verb::List:
      return hub_.list();
    case Verb::Help:
      return hub_.help(request.name);
    case Verb::Load:
      set_gradients(true);
      return hub_.load(request.name, arguments_of(request).get(), keywords_of(request).get());
    case Verb::Call:
      set_gradients(false);
      return call(request);
    case Verb::GetAttribute:
      set_gradients(false);
      return python::attribute(objects_.find(request.target).get(), request.name);
    case Verb::Represent:
      set_gradients(false);
      return python::checked(PyObject_Repr(objects_.find(request.target).get()));
    case Verb::MakeInputs: {
      set_gradients(false);
      if (request.arguments.size() != 2)
        throw Error(ErrorCode::Usage, "make inputs: expected a seed and a list");
      const PyRef seed = converter_.to_python(request.arguments[0]);
      return hub_.make_inputs(seed.get(), converter_.to_python(request.arguments[1]).get());
    }
    case Verb::Release:
      break;
  }
  return PyRef::borrow(Py_None);
}

PyRef Verbs::call(const CallRequest& request) const {
  PyRef callable = objects_.find(request.target);
  if (!request.name.empty()) callable = python::attribute(callable.get(), request.name);
  const PyRef arguments = arguments_of(request);
  return python::checked(PyObject_Call(callable.get(), arguments.get(), keywords_of(request).get()));
}

PyRef Verbs::arguments_of(const CallRequest& request) const {
  PyRef tuple = python::checked(PyTuple_New(static_cast<Py_ssize_t>(request.arguments.size())));
  for (std::size_t i = 0; i < request.arguments.size(); ++i) {
    PyTuple_SetItem(tuple.get(), static_cast<Py_ssize_t>(i),
                    converter_.to_python(request.arguments[i]).release());
  }
  return tuple;
}

PyRef Verbs::keywords_of(const CallRequest& request) const {
  PyRef dict = python::checked(PyDict_New());
  for (const auto& [name, value] : request.keywords) {
    if (PyDict_SetItem(dict.get(), python::make_text(name).get(), converter_.to_python(value).get()) != 0) {
      python::throw_current_exception();
    }
  }
  return dict;
}

// Set for each request, because repositories turn gradients off for the whole process, and on.
void Verbs::set_gradients(bool enabled) const {
  python::call(set_grad_enabled_.get(), {enabled ? Py_True : Py_False});
}

}  // namespace hubcell::worker

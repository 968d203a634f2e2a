#include "worker/verbs.h"

#include <hubcell/error.h>

#include "shared/python/exception.h"
#include "shared/python/object.h"
#include "worker/weights/own_pages.h"

namespace hubcell::worker {

using channel::CallRequest;
using channel::Verb;
using python::PyRef;

namespace {

// The arguments of one request: what they share stays shared.
class Arguments {
 public:
  explicit Arguments(const python::Converter& converter) : incoming_(converter) {}

  // `first` is the object that they are applied to, or null.
  PyRef tuple(const CallRequest& request, PyObject* first = nullptr) {
    const Py_ssize_t offset = first == nullptr ? 0 : 1;
    PyRef tuple = python::checked(PyTuple_New(offset + static_cast<Py_ssize_t>(request.arguments.size())));
    if (first != nullptr) PyTuple_SetItem(tuple.get(), 0, PyRef::borrow(first).release());
    for (std::size_t i = 0; i < request.arguments.size(); ++i) {
      PyTuple_SetItem(tuple.get(), offset + static_cast<Py_ssize_t>(i),
                      incoming_.convert(request.arguments[i]).release());
    }
    return tuple;
  }

  PyRef keywords(const CallRequest& request) {
    PyRef dict = python::checked(PyDict_New());
    for (const auto& [name, value] : request.keywords) {
      if (PyDict_SetItem(dict.get(), python::make_text(name).get(), incoming_.convert(value).get()) != 0) {
        python::throw_current_exception();
      }
    }
    return dict;
  }

 private:
  python::Incoming incoming_;
};

}  // namespace

// The function below torch.set_grad_enabled, which is a class: foreign code may have replaced that.
Verbs::Verbs(const python::Converter& converter, const ObjectTable& objects, const Operations& operations,
             const HubModule& hub, Weights& weights)
    : converter_(converter),
      objects_(objects),
      operations_(operations),
      hub_(hub),
      weights_(weights),
      set_grad_enabled_(python::attribute(python::import_module("torch._C").get(), "_set_grad_enabled")) {}

Value Verbs::perform(const CallRequest& request) const {
  return converter_.to_value(run(request).get());
}

PyRef Verbs::run(const CallRequest& request) const {
  set_gradients(request.grad_enabled);
  switch (request.verb) {
    case Verb::List:
      return hub_.list();
    case Verb::Help:
      return hub_.help(request.name);
    case Verb::Docstring:
      return hub_.docstring(request.name);
    case Verb::Load:
      return load(request);
    case Verb::Call:
      return call(request);
    case Verb::GetAttribute:
      return python::attribute(objects_.find(request.target).get(), request.name);
    case Verb::Operate:
      return operate(request);
    case Verb::MakeInputs:
      return make_inputs(request);
    case Verb::Observed:
      return hub_.observed();
    case Verb::Dependencies:
      return hub_.dependencies();
    case Verb::Nothing:
      break;
  }
  return PyRef::borrow(Py_None);
}

PyRef Verbs::load(const CallRequest& request) const {
  Arguments arguments(converter_);
  const PyRef positional = arguments.tuple(request);
  const PyRef keywords = arguments.keywords(request);
  PyRef loaded;
  {
    const LargeBlocksApart apart;
    loaded = hub_.load(request.name, positional.get(), keywords.get());
  }
  weights_.note_load();
  return loaded;
}

PyRef Verbs::call(const CallRequest& request) const {
  PyRef callable = objects_.find(request.target);
  if (!request.name.empty()) callable = python::attribute(callable.get(), request.name);
  Arguments arguments(converter_);
  const PyRef positional = arguments.tuple(request);
  PyRef keywords;
  if (!request.keywords.empty()) keywords = arguments.keywords(request);
  return python::checked(PyObject_Call(callable.get(), positional.get(), keywords.get()));
}

PyRef Verbs::operate(const CallRequest& request) const {
  const PyRef object = objects_.find(request.target);
  return operations_.apply(request.name, Arguments(converter_).tuple(request, object.get()).get());
}

PyRef Verbs::make_inputs(const CallRequest& request) const {
  if (request.arguments.size() != 2) throw Error(ErrorCode::Usage, "make inputs: expected a seed and a list");
  const PyRef seed = converter_.to_python(request.arguments[0]);
  return hub_.make_inputs(seed.get(), converter_.to_python(request.arguments[1]).get());
}

// Set for each request, because repositories turn gradients off for the whole process, and on.
void Verbs::set_gradients(bool enabled) const {
  python::call(set_grad_enabled_.get(), {enabled ? Py_True : Py_False});
}

}  // namespace hubcell::worker

#include "tools/python/extension/runtime.h"

#include <hubcell/error.h>

#include <cmath>
#include <cstring>

#include "shared/python/object.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using python::PyRef;

namespace {

// Behind the codes of errors in make_error's eyes.
constexpr int kUnsendable = 100;

// Never destroyed: Python may have ended before.
Runtime* instance = nullptr;

PyRef tuple_of(std::initializer_list<PyRef> items) {
  PyRef tuple = python::checked(PyTuple_New(static_cast<Py_ssize_t>(items.size())));
  Py_ssize_t index = 0;
  for (const PyRef& item : items)
    PyTuple_SetItem(tuple.get(), index++, PyRef(item).release());
  return tuple;
}

PyRef integer(long long number) {
  return python::checked(PyLong_FromLongLong(number));
}

PyRef remote_of(const Error& failure) {
  if (!failure.remote()) return PyRef::borrow(Py_None);
  const RemoteException& remote = *failure.remote();
  return tuple_of({python::make_text(remote.type), python::make_text(remote.builtin),
                   python::make_text(remote.message), python::make_text(remote.traceback)});
}

PyRef death_of(const Error& failure) {
  if (!failure.death()) return PyRef::borrow(Py_None);
  const WorkerDeath& death = *failure.death();
  std::string tail;
  for (const std::string& line : death.output_tail)
    tail += line + "\n";
  return tuple_of({integer(death.exit_code), integer(death.signal), python::make_text(tail)});
}

// One argument, named where it cannot be sent.
Value convert_argument(python::Outgoing& outgoing, PyObject* object, const std::string& name) {
  try {
    return outgoing.convert(object);
  } catch (const Error& refused) {
    throw UnsendableArgument(name + ": " + refused.what());
  }
}

}  // namespace

Runtime::Runtime(Parts parts)
    : parts_(std::move(parts)),
      converter_({.allocate_block = nullptr,
                  .represent = [this](PyObject* object,
                                      const Handle& described) { return represent(object, described); },
                  .resolve_handle =
                      [this](const Handle& handle) {
                        const PyRef remote = make_native(types().remote.get(), Object(handle));
                        return python::call(parts_.wrap.get(), {remote.get()});
                      },
                  .store_file = [](const File&) -> PyRef {
                    throw Error(ErrorCode::Protocol, "a worker sent a file");
                  }},
                 parts_.folder) {}

void Runtime::connect(Parts parts) {
  instance = new Runtime(std::move(parts));
}

Runtime& Runtime::get() {
  if (instance == nullptr) throw Error(ErrorCode::System, "use hubcell's extension: import hubcell first");
  return *instance;
}

void Runtime::convert_arguments(PyObject* positional, PyObject* keywords, Arguments& arguments,
                                Keywords& named) const {
  python::Outgoing outgoing(converter_);
  for (Py_ssize_t i = 0; i < PyTuple_Size(positional); ++i) {
    arguments.push_back(
        convert_argument(outgoing, PyTuple_GetItem(positional, i), "argument " + std::to_string(i + 1)));
  }
  if (keywords != Py_None) {
    const PyRef pairs = python::checked(PyMapping_Items(keywords));
    for (Py_ssize_t i = 0; i < PyList_Size(pairs.get()); ++i) {
      PyObject* pair = PyList_GetItem(pairs.get(), i);
      const std::string name = python::text_of(PyTuple_GetItem(pair, 0));
      named.emplace_back(name, convert_argument(outgoing, PyTuple_GetItem(pair, 1), "argument " + name));
    }
  }
  try {
    outgoing.place_tensors();
  } catch (const Error& refused) {
    throw UnsendableArgument(std::string("an argument: ") + refused.what());
  }
}

CallOptions Runtime::convert_options(PyObject* options) const {
  CallOptions converted;
  converted.grad = PyObject_IsTrue(PyTuple_GetItem(options, 0)) == 1;
  PyObject* state = PyTuple_GetItem(options, 1);
  if (state != Py_None && state != last_state_.get()) {
    Value value = to_value(state);
    last_converted_ = std::move(value);
    last_state_ = PyRef::borrow(state);
  }
  if (state != Py_None) converted.state = last_converted_;
  const double seconds = PyFloat_AsDouble(PyTuple_GetItem(options, 2));
  if (PyErr_Occurred() != nullptr) throw PythonRaised();
  converted.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(1000 * seconds)));
  converted.waits_for_slot = true;
  return converted;
}

void Runtime::take_state(const Value& changed) const {
  if (!changed.is<None>()) python::call(parts_.take_state.get(), {to_python(changed).get()});
}

Value Runtime::represent(PyObject* object, const Handle& described) const {
  const PyRef found = python::call(parts_.unwrap.get(), {object});
  if (Py_TYPE(found.get()) == reinterpret_cast<PyTypeObject*>(types().remote.get()))
    return content_of<Object>(found.get());
  if (found.get() != Py_None) {
    const Value content = to_value(PyTuple_GetItem(found.get(), 1));
    const std::string& data = content.as<Bytes>().data;
    File file{.name = python::text_of(PyTuple_GetItem(found.get(), 0)),
              .content = Tensor::zeros(DType::UInt8, {static_cast<std::int64_t>(data.size())})};
    copy_items(file.content, data.data(), data.size());
    return file;
  }
  throw Error(ErrorCode::Usage,
              "a " + described.class_name +
                  " cannot be sent to a worker; pass tensors, arrays, plain values, hubcell.File, or "
                  "objects of the worker itself");
}

void Runtime::set_exception(int code, const Error& failure) const noexcept {
  try {
    const PyRef exception =
        python::call(parts_.make_error.get(), {integer(code).get(), python::make_text(failure.what()).get(),
                                               remote_of(failure).get(), death_of(failure).get()});
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  } catch (const std::exception&) {
    PyErr_SetString(PyExc_RuntimeError, failure.what());
  }
}

void Runtime::raise(const Error& failure) const noexcept {
  set_exception(static_cast<int>(failure.code()), failure);
}

void Runtime::raise(const UnsendableArgument& failure) const noexcept {
  set_exception(kUnsendable, failure);
}

}  // namespace hubcell::python_package

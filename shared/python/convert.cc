#include "shared/python/convert.h"

#include <hubcell/error.h>

#include <string>

#include "shared/python/exception.h"
#include "shared/python/object.h"
#include "shared/wire/limits.h"

namespace hubcell::python {
namespace {

// A visitor with one lambda for each alternative.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

PyRef none() {
  return PyRef::borrow(Py_None);
}

std::string class_name(PyObject* object) {
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  return text_of(attribute(type, "__module__").get()) + "." + text_of(attribute(type, "__qualname__").get());
}

// Named tuples, and the answers of torch functions such as max(dim=0).
bool is_named_tuple(PyObject* object) {
  return PyTuple_Check(object) && (PyObject_HasAttrString(object, "_fields") != 0 ||
                                   PyObject_HasAttrString(object, "n_sequence_fields") != 0);
}

Bytes bytes_of(PyObject* object) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(object, &data, &size) != 0) throw_current_exception();
  return {std::string(data, static_cast<std::size_t>(size))};
}

}  // namespace

Converter::Converter(Hooks hooks)
    : hooks_(std::move(hooks)), ordered_dict_(attribute(import_module("collections").get(), "OrderedDict")) {}

PyRef Converter::to_python(const Value& value) const {
  const auto fill_list = [this](const List& list) {
    PyRef object = checked(PyList_New(static_cast<Py_ssize_t>(list.items.size())));
    for (std::size_t i = 0; i < list.items.size(); ++i)
      PyList_SetItem(object.get(), static_cast<Py_ssize_t>(i), to_python(list.items[i]).release());
    return object;
  };
  const auto fill_tuple = [this](const Tuple& tuple) {
    PyRef object = checked(PyTuple_New(static_cast<Py_ssize_t>(tuple.items.size())));
    for (std::size_t i = 0; i < tuple.items.size(); ++i)
      PyTuple_SetItem(object.get(), static_cast<Py_ssize_t>(i), to_python(tuple.items[i]).release());
    return object;
  };
  const auto fill_dict = [this](const Dict& dict) {
    PyRef object = checked(PyDict_New());
    for (const auto& [key, item] : dict.items) {
      if (PyDict_SetItem(object.get(), to_python(key).get(), to_python(item).get()) != 0)
        throw_current_exception();
    }
    return object;
  };
  return std::visit(Overloaded{
                        [](None) { return none(); },
                        [](bool flag) { return PyRef::borrow(flag ? Py_True : Py_False); },
                        [](std::int64_t number) { return checked(PyLong_FromLongLong(number)); },
                        [](double number) { return checked(PyFloat_FromDouble(number)); },
                        [](const std::string& text) { return make_text(text); },
                        [](const Bytes& bytes) {
                          return checked(PyBytes_FromStringAndSize(
                              bytes.data.data(), static_cast<Py_ssize_t>(bytes.data.size())));
                        },
                        fill_list,
                        fill_tuple,
                        fill_dict,
                        [this](const Tensor& tensor) { return torch_.to_torch(tensor); },
                        [this](const Handle& handle) { return hooks_.resolve_handle(handle); },
                    },
                    value.variant());
}

// One answer on its way out: counts its parts and its depth.
class Converter::Outgoing {
 public:
  explicit Outgoing(const Converter& converter) : converter_(converter) {}

  Value convert(PyObject* object, std::size_t depth) {
    if (depth > wire::kValueDepthMax)
      refuse("is nested deeper than " + std::to_string(wire::kValueDepthMax) + " levels");
    if (++parts_ > wire::kValueNodesMax) {
      refuse("has more than " + std::to_string(wire::kValueNodesMax) + " parts; return numbers as a tensor");
    }
    if (object == Py_None) return None{};
    if (PyBool_Check(object)) return object == Py_True;
    if (PyLong_Check(object)) return integer(object);
    if (PyFloat_Check(object)) return PyFloat_AsDouble(object);
    if (PyUnicode_Check(object)) return text_of(object);
    if (PyBytes_Check(object)) return bytes_of(object);
    if (PyTuple_CheckExact(object) || is_named_tuple(object)) return tuple(object, depth);
    if (PyList_CheckExact(object)) return list(object, depth);
    if (PyDict_CheckExact(object) || is_ordered_dict(object)) return dict(object, depth);
    if (converter_.torch_.is_tensor(object)) return tensor(object);
    return handle(object);
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw Error(ErrorCode::Usage, "the answer " + why);
  }

  bool is_ordered_dict(PyObject* object) const {
    return reinterpret_cast<PyObject*>(Py_TYPE(object)) == converter_.ordered_dict_.get();
  }

  Value integer(PyObject* object) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow == 0 ? Value(number) : handle(object);
  }

  Value tuple(PyObject* object, std::size_t depth) {
    Tuple items;
    for (Py_ssize_t i = 0; i < PyTuple_Size(object); ++i)
      items.items.push_back(convert(PyTuple_GetItem(object, i), depth + 1));
    return items;
  }

  // Converting runs foreign code, which may change the list meanwhile: each item is owned while it is looked
  // at.
  Value list(PyObject* object, std::size_t depth) {
    List items;
    for (Py_ssize_t i = 0; i < PyList_Size(object); ++i) {
      const PyRef item = PyRef::borrow(PyList_GetItem(object, i));
      items.items.push_back(convert(item.get(), depth + 1));
    }
    return items;
  }

  Value dict(PyObject* object, std::size_t depth) {
    const PyRef pairs = checked(PyMapping_Items(object));
    Dict items;
    for (Py_ssize_t i = 0; i < PyList_Size(pairs.get()); ++i) {
      PyObject* pair = PyList_GetItem(pairs.get(), i);
      Value key = convert(PyTuple_GetItem(pair, 0), depth + 1);
      items.items.emplace_back(std::move(key), convert(PyTuple_GetItem(pair, 1), depth + 1));
    }
    return items;
  }

  Value tensor(PyObject* object) {
    const auto description = converter_.torch_.describe(object);
    if (!description || description->shape.size() > wire::kTensorDimensionsMax) return handle(object);
    const Tensor shape_only(description->dtype, description->shape, nullptr, nullptr);
    if (shape_only.count() == 0) return shape_only;
    MappedBlock block = converter_.hooks_.allocate_block(shape_only.bytes());
    Tensor answer(description->dtype, description->shape, std::move(block.owner), block.data);
    converter_.torch_.copy(object, answer);
    return answer;
  }

  Value handle(PyObject* object) {
    Handle made = converter_.hooks_.make_handle(object);
    made.class_name = class_name(object);
    made.is_callable = PyCallable_Check(object) != 0;
    made.is_module = converter_.torch_.is_module(object);
    return made;
  }

  const Converter& converter_;
  std::size_t parts_ = 0;
};

Value Converter::to_value(PyObject* object) const {
  return Outgoing(*this).convert(object, 1);
}

}  // namespace hubcell::python

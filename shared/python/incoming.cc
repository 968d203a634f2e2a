#include <hubcell/error.h>

#include <string>

#include "shared/python/convert.h"
#include "shared/python/exception.h"
#include "shared/python/object.h"

namespace hubcell::python {
namespace {

// A visitor with one lambda for each alternative.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

PyRef make_bytes(const std::string& data) {
  return checked(PyBytes_FromStringAndSize(data.data(), static_cast<Py_ssize_t>(data.size())));
}

PyRef make_integer(std::int64_t number) {
  return checked(PyLong_FromLongLong(number));
}

PyRef make_complex(const std::complex<double>& number) {
  return checked(PyComplex_FromDoubles(number.real(), number.imag()));
}

PyRef make_big_int(const BigInt& number) {
  return checked(PyLong_FromString(number.hex.c_str(), nullptr, 16));
}

PyRef make_range(const Range& range) {
  return call(
      reinterpret_cast<PyObject*>(&PyRange_Type),
      {make_integer(range.start).get(), make_integer(range.stop).get(), make_integer(range.step).get()});
}

PyRef make_path(const Path& path) {
  return call(attribute(import_module("pathlib").get(), "Path").get(), {make_text(path.text).get()});
}

}  // namespace

PyRef Incoming::convert(const Value& value) {
  if (!value.others_share_it()) return make(value);
  if (const PyRef* known = shared_.find(value.identity())) return *known;
  return shared_.insert(value.identity(), make(value));
}

PyRef Incoming::make(const Value& value) {
  return value.visit(Overloaded{
      [](const None&) { return PyRef::borrow(Py_None); },
      [](const Ellipsis&) { return PyRef::borrow(Py_Ellipsis); },
      [](bool flag) { return PyRef::borrow(flag ? Py_True : Py_False); },
      [](std::int64_t number) { return make_integer(number); },
      [](double number) { return checked(PyFloat_FromDouble(number)); },
      [](const std::complex<double>& number) { return make_complex(number); },
      [](const std::string& text) { return make_text(text); },
      [](const Bytes& bytes) { return make_bytes(bytes.data); },
      [](const BigInt& number) { return make_big_int(number); },
      [](const Range& range) { return make_range(range); },
      [](const Path& path) { return make_path(path); },
      [this](const TorchConstant& constant) {
        return call_kind("make_torch_constant", {make_text(constant.name).get()});
      },
      [this](const Scalar& scalar) {
        const std::string data(reinterpret_cast<const char*>(scalar.bytes.data()), item_bytes(scalar.dtype));
        return call_kind("make_scalar",
                         {make_text(std::string(name(scalar.dtype))).get(), make_bytes(data).get()});
      },
      [this](const List& list) { return make_list(list.items); },
      [this](const Tuple& tuple) { return make_tuple(tuple.items); },
      [this](const NamedTuple& tuple) { return make_named_tuple(tuple); },
      [this](const Set& set) { return make_set(set); },
      [this](const Dict& dict) { return make_dict(dict); },
      [this](const Slice& slice) { return make_slice(slice); },
      [this](const Device& device) {
        const PyRef index = device.index ? make_integer(*device.index) : PyRef::borrow(Py_None);
        return call_kind("make_device", {make_text(device.type).get(), index.get()});
      },
      [this](const Size& size) { return make_size(size); },
      [this](const Tensor& tensor) { return make_tensor(tensor); },
      [this](const Array& array) { return make_array(array.elements); },
      [this](const Image& image) { return make_image(image); },
      [this](const File& file) { return converter_.hooks_.store_file(file); },
      [this](const Handle& handle) { return converter_.hooks_.resolve_handle(handle); },
  });
}

PyRef Incoming::call_kind(const char* function, std::initializer_list<PyObject*> arguments) const {
  return call(attribute(converter_.kinds_.get(), function).get(), arguments);
}

PyRef Incoming::make_list(const std::vector<Value>& items) {
  PyRef object = checked(PyList_New(static_cast<Py_ssize_t>(items.size())));
  for (std::size_t i = 0; i < items.size(); ++i)
    PyList_SetItem(object.get(), static_cast<Py_ssize_t>(i), convert(items[i]).release());
  return object;
}

PyRef Incoming::make_tuple(const std::vector<Value>& items) {
  PyRef object = checked(PyTuple_New(static_cast<Py_ssize_t>(items.size())));
  for (std::size_t i = 0; i < items.size(); ++i)
    PyTuple_SetItem(object.get(), static_cast<Py_ssize_t>(i), convert(items[i]).release());
  return object;
}

PyRef Incoming::make_named_tuple(const NamedTuple& tuple) {
  std::vector<Value> fields(tuple.fields.begin(), tuple.fields.end());
  return call_kind("make_named_tuple",
                   {make_text(tuple.type).get(), make_tuple(fields).get(), make_tuple(tuple.items).get()});
}

PyRef Incoming::make_set(const Set& set) {
  const PyRef items = make_tuple(set.items);
  return checked(set.is_frozen ? PyFrozenSet_New(items.get()) : PySet_New(items.get()));
}

PyRef Incoming::make_dict(const Dict& dict) {
  PyRef object = dict.is_ordered ? call(converter_.ordered_dict_.get()) : checked(PyDict_New());
  for (const auto& [key, item] : dict.items) {
    if (PyObject_SetItem(object.get(), convert(key).get(), convert(item).get()) != 0)
      throw_current_exception();
  }
  return object;
}

PyRef Incoming::make_slice(const Slice& slice) {
  return checked(PySlice_New(convert(slice.bounds.at(0)).get(), convert(slice.bounds.at(1)).get(),
                             convert(slice.bounds.at(2)).get()));
}

PyRef Incoming::make_size(const Size& size) {
  return call(attribute(import_module("torch").get(), "Size").get(), {make_integers(size.sizes).get()});
}

PyRef Incoming::make_tensor(const Tensor& tensor) {
  PyRef made = converter_.torch_.to_torch(tensor);
  PyObject* wants_gradient = tensor.requires_grad() ? Py_True : Py_False;
  if (tensor.is_parameter()) return call_kind("make_parameter", {made.get(), wants_gradient});
  if (!tensor.requires_grad()) return made;
  return call(attribute(made.get(), "requires_grad_").get(), {wants_gradient});
}

PyRef Incoming::make_array(const Tensor& elements) {
  const PyRef owner = elements.count() == 0 ? PyRef::borrow(Py_None) : make_capsule(elements);
  const PyRef address = checked(PyLong_FromVoidPtr(elements.data()));
  const PyRef strides = elements.is_contiguous() ? PyRef::borrow(Py_None) : make_integers(elements.strides());
  return call_kind("make_array",
                   {owner.get(), address.get(), make_text(std::string(name(elements.dtype()))).get(),
                    make_integers(elements.shape()).get(), strides.get()});
}

PyRef Incoming::make_image(const Image& image) {
  return call_kind("make_image",
                   {make_text(image.mode).get(), make_integer(image.width).get(),
                    make_integer(image.height).get(), converter_.torch_.to_torch(image.pixels).get(),
                    make_text(image.palette_mode).get(), make_bytes(image.palette.data).get()});
}

}  // namespace hubcell::python

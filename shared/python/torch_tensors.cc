#include "shared/python/torch_tensors.h"

#include <hubcell/error.h>

#include <memory>
#include <string>

#include "shared/python/dlpack.h"
#include "shared/python/exception.h"
#include "shared/python/object.h"

namespace hubcell::python {
namespace {

// What a capsule owns: the structure that torch reads, and what keeps the memory alive.
struct Export {
  dlpack::DLManagedTensor managed;
  std::vector<std::int64_t> shape;
  std::shared_ptr<void> owner;
};

// Runs wherever the last view dies, on any thread, with or without the GIL.
void end_export(dlpack::DLManagedTensor* self) {
  delete static_cast<Export*>(self->context);
}

// torch renames a capsule that it has taken over.
void end_capsule(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, dlpack::kCapsuleName) == 0) return;
  auto* managed = static_cast<dlpack::DLManagedTensor*>(PyCapsule_GetPointer(capsule, dlpack::kCapsuleName));
  managed->deleter(managed);
}

dlpack::DataType dlpack_type(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * item_bytes(dtype));
  switch (dtype) {
    case DType::Bool:  // torch 1.13 refuses DLPack's code of bool
    case DType::UInt8:
      return {dlpack::TypeCode::UInt, bits, 1};
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
    case DType::Int64:
      return {dlpack::TypeCode::Int, bits, 1};
    case DType::BFloat16:
      return {dlpack::TypeCode::Bfloat, bits, 1};
    case DType::Complex64:
    case DType::Complex128:
      return {dlpack::TypeCode::Complex, bits, 1};
    default:
      return {dlpack::TypeCode::Float, bits, 1};
  }
}

PyRef make_capsule(const Tensor& tensor) {
  auto exported =
      std::make_unique<Export>(Export{.managed = {}, .shape = tensor.shape(), .owner = tensor.owner()});
  exported->managed = {.tensor = {.data = tensor.data(),
                                  .device = {.type = dlpack::kDeviceCpu, .id = 0},
                                  .dimensions = static_cast<std::int32_t>(tensor.shape().size()),
                                  .dtype = dlpack_type(tensor.dtype()),
                                  .shape = exported->shape.data(),
                                  .strides = nullptr,
                                  .byte_offset = 0},
                       .context = exported.get(),
                       .deleter = &end_export};
  PyRef capsule = checked(PyCapsule_New(&exported->managed, dlpack::kCapsuleName, &end_capsule));
  static_cast<void>(exported.release());
  return capsule;
}

bool is_true(const PyRef& flag) {
  const int truth = PyObject_IsTrue(flag.get());
  if (truth < 0) throw_current_exception();
  return truth != 0;
}

std::vector<std::int64_t> integers_of(PyObject* tuple) {
  std::vector<std::int64_t> numbers;
  const Py_ssize_t count = PyTuple_Size(tuple);
  for (Py_ssize_t i = 0; i < count; ++i)
    numbers.push_back(PyLong_AsLongLong(PyTuple_GetItem(tuple, i)));
  if (PyErr_Occurred() != nullptr) throw_current_exception();
  return numbers;
}

PyRef make_shape(const std::vector<std::int64_t>& shape) {
  PyRef tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  for (std::size_t i = 0; i < shape.size(); ++i)
    PyTuple_SetItem(tuple.get(), static_cast<Py_ssize_t>(i),
                    checked(PyLong_FromLongLong(shape[i])).release());
  return tuple;
}

}  // namespace

TorchTensors::TorchTensors() {
  const PyRef torch = import_module("torch");
  for (std::size_t code = 0; code < dtypes_.size(); ++code)
    dtypes_[code] = attribute(torch.get(), std::string(name(static_cast<DType>(code))));
  tensor_class_ = attribute(torch.get(), "Tensor");
  module_class_ = attribute(import_module("torch.nn").get(), "Module");
  strided_ = attribute(torch.get(), "strided");
  from_dlpack_ = attribute(import_module("torch.utils.dlpack").get(), "from_dlpack");
  empty_ = attribute(torch.get(), "empty");
}

PyRef TorchTensors::to_torch(const Tensor& tensor) const {
  PyObject* dtype = dtypes_[static_cast<std::size_t>(tensor.dtype())].get();
  if (tensor.count() == 0) {
    const PyRef arguments = checked(PyTuple_New(1));
    PyTuple_SetItem(arguments.get(), 0, make_shape(tensor.shape()).release());
    const PyRef keywords = checked(PyDict_New());
    PyDict_SetItemString(keywords.get(), "dtype", dtype);
    return checked(PyObject_Call(empty_.get(), arguments.get(), keywords.get()));
  }
  PyRef imported = call(from_dlpack_.get(), {make_capsule(tensor).get()});
  if (tensor.dtype() != DType::Bool) return imported;
  return call(attribute(imported.get(), "view").get(), {dtype});
}

bool TorchTensors::is_tensor(PyObject* object) const {
  const int answer = PyObject_IsInstance(object, tensor_class_.get());
  if (answer < 0) throw_current_exception();
  return answer != 0;
}

bool TorchTensors::is_module(PyObject* object) const {
  const int answer = PyObject_IsInstance(object, module_class_.get());
  if (answer < 0) throw_current_exception();
  return answer != 0;
}

std::optional<TorchTensors::Description> TorchTensors::describe(PyObject* tensor) const {
  if (attribute(tensor, "layout").get() != strided_.get() || is_true(attribute(tensor, "is_quantized")) ||
      is_true(attribute(tensor, "is_meta"))) {
    return std::nullopt;
  }
  const PyRef dtype = attribute(tensor, "dtype");
  for (std::size_t code = 0; code < dtypes_.size(); ++code) {
    if (dtypes_[code].get() != dtype.get()) continue;
    return Description{.dtype = static_cast<DType>(code),
                       .shape = integers_of(attribute(tensor, "shape").get())};
  }
  return std::nullopt;
}

void TorchTensors::copy(PyObject* source, const Tensor& target) const {
  const PyRef into = to_torch(target);
  const PyRef plain = call(attribute(source, "detach").get());
  call(attribute(into.get(), "copy_").get(), {plain.get()});
}

}  // namespace hubcell::python

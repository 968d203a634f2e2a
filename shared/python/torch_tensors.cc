#include "shared/python/torch_tensors.h"

#include <hubcell/error.h>

#include <cstring>
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
  std::vector<std::int64_t> strides;
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

// The dtypes that torch 1.13 takes from DLPack by their own name; others enter as integers of their size.
bool has_dlpack_type(DType dtype) {
  switch (dtype) {
    case DType::UInt8:
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
    case DType::Int64:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32:
    case DType::Float64:
    case DType::Complex64:
    case DType::Complex128:
      return true;
    default:
      return false;
  }
}

bool is_complex(DType dtype) {
  return dtype == DType::Complex32 || dtype == DType::Complex64 || dtype == DType::Complex128;
}

dlpack::DataType dlpack_type(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * item_bytes(dtype));
  switch (dtype) {
    case DType::Float16:
    case DType::Float32:
    case DType::Float64:
      return {dlpack::TypeCode::Float, bits, 1};
    case DType::BFloat16:
      return {dlpack::TypeCode::Bfloat, bits, 1};
    case DType::Complex64:
    case DType::Complex128:
      return {dlpack::TypeCode::Complex, bits, 1};
    default:
      return {bits == 8 && dtype != DType::Int8 ? dlpack::TypeCode::UInt : dlpack::TypeCode::Int, bits, 1};
  }
}

}  // namespace

PyRef make_capsule(const Tensor& tensor) {
  auto exported = std::make_unique<Export>(
      Export{.managed = {}, .shape = tensor.shape(), .strides = {}, .owner = tensor.owner()});
  if (!tensor.is_contiguous()) exported->strides = tensor.strides();
  exported->managed = {.tensor = {.data = tensor.data(),
                                  .device = {.type = dlpack::kDeviceCpu, .id = 0},
                                  .dimensions = static_cast<std::int32_t>(tensor.shape().size()),
                                  .dtype = dlpack_type(tensor.dtype()),
                                  .shape = exported->shape.data(),
                                  .strides = tensor.is_contiguous() ? nullptr : exported->strides.data(),
                                  .byte_offset = 0},
                       .context = exported.get(),
                       .deleter = &end_export};
  PyRef capsule = checked(PyCapsule_New(&exported->managed, dlpack::kCapsuleName, &end_capsule));
  static_cast<void>(exported.release());
  return capsule;
}

std::vector<std::int64_t> integers_of(PyObject* tuple) {
  std::vector<std::int64_t> numbers;
  const Py_ssize_t count = PyTuple_Size(tuple);
  for (Py_ssize_t i = 0; i < count; ++i)
    numbers.push_back(PyLong_AsLongLong(PyTuple_GetItem(tuple, i)));
  if (PyErr_Occurred() != nullptr) throw_current_exception();
  return numbers;
}

PyRef make_integers(const std::vector<std::int64_t>& numbers) {
  PyRef tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(numbers.size())));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    PyTuple_SetItem(tuple.get(), static_cast<Py_ssize_t>(i),
                    checked(PyLong_FromLongLong(numbers[i])).release());
  return tuple;
}

TorchTensors::TorchTensors() {
  const PyRef torch = import_module("torch");
  for (std::size_t code = 0; code < dtypes_.size(); ++code) {
    const std::string dtype(name(static_cast<DType>(code)));
    if (PyObject_HasAttrString(torch.get(), dtype.c_str()) != 0)
      dtypes_[code] = attribute(torch.get(), dtype);
  }
  tensor_class_ = attribute(torch.get(), "Tensor");
  view_ = attribute(tensor_class_.get(), "view");
  strided_ = attribute(torch.get(), "strided");
  names_ = {.is_cpu = make_text("is_cpu"),
            .layout = make_text("layout"),
            .is_nested = make_text("is_nested"),
            .requires_grad = make_text("requires_grad"),
            .is_neg = make_text("is_neg"),
            .dtype = make_text("dtype"),
            .shape = make_text("shape"),
            .is_contiguous = make_text("is_contiguous"),
            .stride = make_text("stride"),
            .data_ptr = make_text("data_ptr")};
  module_class_ = attribute(import_module("torch.nn").get(), "Module");
  // What torch.utils.dlpack.from_dlpack, a function of Python's, calls with a capsule.
  from_dlpack_ = attribute(import_module("torch._C").get(), "_from_dlpack");
  empty_ = attribute(torch.get(), "empty");
}

PyRef TorchTensors::to_torch(const Tensor& tensor) const {
  PyObject* dtype = dtypes_[static_cast<std::size_t>(tensor.dtype())].get();
  if (dtype == nullptr) {
    throw Error(ErrorCode::Usage,
                "make a tensor of " + std::string(name(tensor.dtype())) +
                    ": this worker's torch has no such dtype; choose another interpreter, or "
                    "convert the tensor before");
  }
  if (tensor.count() == 0) {
    const PyRef arguments = checked(PyTuple_New(1));
    PyTuple_SetItem(arguments.get(), 0, make_integers(tensor.shape()).release());
    const PyRef keywords = checked(PyDict_New());
    PyDict_SetItemString(keywords.get(), "dtype", dtype);
    return checked(PyObject_Call(empty_.get(), arguments.get(), keywords.get()));
  }
  PyRef imported = call(from_dlpack_.get(), {make_capsule(tensor).get()});
  if (has_dlpack_type(tensor.dtype())) return imported;
  return call(view_.get(), {imported.get(), dtype});
}

// Quantised dtypes are none of ours; complex tensors may be conjugates.
std::optional<Tensor> TorchTensors::describe_plain(PyObject* object) const {
  if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != tensor_class_.get()) return std::nullopt;
  const auto get = [object](const PyRef& name) { return checked(PyObject_GetAttr(object, name.get())); };
  const auto ask = [object](const PyRef& name) {
    return checked(PyObject_CallMethodObjArgs(object, name.get(), nullptr));
  };
  const bool is_there = get(names_.is_cpu).get() == Py_True && get(names_.layout).get() == strided_.get() &&
                        get(names_.is_nested).get() == Py_False &&
                        get(names_.requires_grad).get() == Py_False;
  const std::optional<DType> dtype = is_there ? find_dtype(get(names_.dtype).get()) : std::nullopt;
  if (!dtype || is_complex(*dtype) || ask(names_.is_neg).get() != Py_False) return std::nullopt;
  std::vector<std::int64_t> shape = integers_of(get(names_.shape).get());
  void* address = PyLong_AsVoidPtr(ask(names_.data_ptr).get());
  if (PyErr_Occurred() != nullptr) throw_current_exception();
  if (ask(names_.is_contiguous).get() == Py_True) return Tensor(*dtype, std::move(shape), nullptr, address);
  return Tensor::strided(*dtype, std::move(shape), integers_of(ask(names_.stride).get()), nullptr, address);
}

bool TorchTensors::hold_the_same(PyObject* one, PyObject* other) const {
  const std::optional<Tensor> first = describe_plain(one);
  const std::optional<Tensor> second = first ? describe_plain(other) : std::nullopt;
  return second && first->is_contiguous() && second->is_contiguous() && first->bytes() == second->bytes() &&
         (first->count() == 0 || std::memcmp(first->data(), second->data(), first->bytes()) == 0);
}

bool TorchTensors::is_module(PyObject* object) const {
  const int answer = PyObject_IsInstance(object, module_class_.get());
  if (answer < 0) throw_current_exception();
  return answer != 0;
}

std::optional<DType> TorchTensors::find_dtype(PyObject* torch_dtype) const {
  for (std::size_t code = 0; code < dtypes_.size(); ++code) {
    if (dtypes_[code].get() == torch_dtype) return static_cast<DType>(code);
  }
  return std::nullopt;
}

}  // namespace hubcell::python

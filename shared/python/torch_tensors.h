// hubcell::Tensor <-> torch.Tensor, by torch's Python objects alone: no libtorch.
//
// Memory enters torch as a DLPack capsule, whose deleter runs exactly when the last view of it dies; that is
// what makes the lease of a block exact.
#pragma once

#include <hubcell/tensor.h>

#include <array>
#include <optional>

#include "shared/python/py_ref.h"

namespace hubcell::python {

// Keeps what it needs of torch from the moment of its construction: foreign code may replace torch's
// functions later.
class TorchTensors {
 public:
  TorchTensors();

  // A torch.Tensor that sees the very bytes of `tensor` and keeps its owner alive. Throws Error(Usage) on a dtype
  // that this torch does not have.
  PyRef to_torch(const Tensor& tensor) const;

  // What torch says of a dense tensor whose elements are simply there, on the CPU, and that wants no gradient: nearly
  // all answers are such. None of others, and of what is no torch.Tensor itself. The memory is the tensor's.
  std::optional<Tensor> describe_plain(PyObject* object) const;

  // Whether both are such tensors, contiguous, and of the same bytes.
  bool hold_the_same(PyObject* one, PyObject* other) const;

  bool is_module(PyObject* object) const;
  // The dtype behind a torch.dtype; none for those that do not travel.
  std::optional<DType> find_dtype(PyObject* torch_dtype) const;

 private:
  std::array<PyRef, static_cast<std::size_t>(kDTypeLast) + 1> dtypes_;  // null: this torch has none
  PyRef module_class_;
  PyRef from_dlpack_;
  PyRef empty_;
  PyRef view_;
  PyRef tensor_class_;
  PyRef strided_;
  // Names of a tensor's attributes.
  struct Names {
    PyRef is_cpu, layout, is_nested, requires_grad, is_neg, dtype, shape, is_contiguous, stride, data_ptr;
  } names_;
};

// A capsule of the memory of `tensor`, which keeps its owner alive until the capsule, or who took it over, ends.
PyRef make_capsule(const Tensor& tensor);
PyRef make_integers(const std::vector<std::int64_t>& numbers);
std::vector<std::int64_t> integers_of(PyObject* tuple);

}  // namespace hubcell::python

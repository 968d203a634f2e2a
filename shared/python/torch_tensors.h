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

  // A torch.Tensor that sees the very bytes of `tensor` and keeps its owner alive.
  PyRef to_torch(const Tensor& tensor) const;

  bool is_tensor(PyObject* object) const;
  bool is_module(PyObject* object) const;
  // What a dense torch.Tensor holds; none where it is sparse, quantized or without memory (meta).
  struct Description {
    DType dtype;
    std::vector<std::int64_t> shape;
  };
  std::optional<Description> describe(PyObject* tensor) const;
  // Writes `source` (any strides, any device) into `target`, of equal dtype and shape, in row-major order.
  void copy(PyObject* source, const Tensor& target) const;

 private:
  std::array<PyRef, static_cast<std::size_t>(kDTypeLast) + 1> dtypes_;
  PyRef tensor_class_;
  PyRef module_class_;
  PyRef strided_;
  PyRef from_dlpack_;
  PyRef empty_;
};

}  // namespace hubcell::python

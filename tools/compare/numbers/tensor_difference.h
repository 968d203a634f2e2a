// How far two tensors of one shape lie apart, element by element, in one pass over both.
#pragma once

#include <hubcell/tensor.h>
#include <hubcell/value_difference.h>

namespace hubcell::compare {

// All of value_difference.h but the path. Reads each element once, of any dtypes and strides: two of one kind exactly, also
// integers beyond 2^53; of a complex pair the modulus counts, and the larger one of its components' ULP. The caller sees to it
// that the shapes are equal and the elements not too many: a worker may claim any number of them that repeat a few bytes.
TensorDifference tensor_difference(const Tensor& a, const Tensor& b, const Tolerance& tolerance);

}  // namespace hubcell::compare

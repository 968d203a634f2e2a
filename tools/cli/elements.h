// The elements of a tensor as numbers, and what is said of all of them at once.
//
// Exact types stay exact: integers and bools are read as int64, everything else as double, complex ones in
// two parts. Sums run in double, in the order of the elements (of integers: in int64, wrapping, as torch.sum
// does).
#pragma once

#include <complex>
#include <cstdint>
#include <string>
#include <variant>

#include <hubcell/kinds.h>

namespace hubcell::cli {

using Number = std::variant<bool, std::int64_t, double, std::complex<double>>;

// A contiguous tensor of the same elements. Error(Usage) where an answer repeats a few elements so often that a copy would not
// be worth its memory, or could not be held.
Tensor in_row_major_order(const Tensor& tensor);

// Tensors are contiguous ones, here and below.
Number element(const Tensor& tensor, std::size_t index);
Number number_of(const Scalar& scalar);
// For comparing: an int as a double, a complex number's real part.
double real_part(const Number& number);

struct Summary {
  Number sum;
  std::variant<double, std::complex<double>> mean;  // NaN of an empty tensor
  // Of a tensor with elements whose dtype has an order; NaN where an element is NaN.
  bool has_extremes = false;
  Number min, max;
};
Summary summarize(const Tensor& tensor);

// Hex digits of the contiguous bytes' SHA-256.
std::string sha256(const void* data, std::size_t bytes);

}  // namespace hubcell::cli

// The elements of any dtype as doubles, as exact integers, and as places in the order of floating-point numbers.
//
// All of it works on a local copy of the elements: a tensor's memory may be one that a worker still writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <hubcell/tensor.h>

namespace hubcell::compare {

enum class NumberKind { Integer, Floating, Complex };  // bool is an integer here
NumberKind number_kind(DType dtype);
// Numbers that an element consists of: 2 of a complex one, the real part first.
std::size_t components(DType dtype);

// Holds every int64 and uint64, and their differences.
__extension__ using WideInteger = __int128;

// Each fills `into` from as many components of `dtype` at `raw`, which needs no alignment.
void to_doubles(DType dtype, const std::byte* raw, std::span<double> into);
void to_integers(DType dtype, const std::byte* raw, std::span<WideInteger> into);  // of integer dtypes
// Neighbours among the representable numbers differ by 1, and both zeros are 0. Of floating and complex dtypes; NaN and the
// infinities have places too, which mean nothing.
void to_places(DType dtype, const std::byte* raw, std::span<std::int64_t> into);

}  // namespace hubcell::compare

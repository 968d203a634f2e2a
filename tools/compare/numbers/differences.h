// How far two answers lie apart: walks both at once, and notes where their structures differ and how far their tensors do.
#pragma once

#include <hubcell/value.h>
#include <hubcell/value_difference.h>

namespace hubcell::compare {

// Lists and tuples are compared by position, dicts by their keys, sets by what they hold; the order of a dict, and whether it is
// an OrderedDict, does not matter, nor whether a set is frozen. What both sides have is compared although the rest differs.
// Tensors, arrays, numpy scalars, images and Python's numbers are compared element by element where their shapes are equal; a
// long list of Python's numbers is one tensor. Everything else is equal, or a difference of structure that shows both.
//
// The work is bounded, whatever a worker answers: in values, in elements (2^32, which a stride of 0 may repeat) and in what is
// reported. Where a bound cut the rest off, the last difference of structure says so: such values are never equal.
ValueDifference difference_of(const Value& a, const Value& b, const Tolerance& tolerance);

}  // namespace hubcell::compare

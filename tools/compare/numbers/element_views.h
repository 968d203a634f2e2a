// Which values count as tensors when answers are compared, and as which.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <hubcell/value.h>

namespace hubcell::compare {

struct Elements {
  Tensor tensor;
  // What must be the same on both sides beside the shape: the kind, and an image's mode, for people: "a numpy array", "an image
  // RGB 4x3".
  std::string form;
};

// Of a tensor, an array, a numpy scalar, an image (its pixels: [height, width, channels] where that fits), a file (its bytes) and
// a bool, int, float or complex of Python; none of anything else.
std::optional<Elements> elements_of(const Value& value);

// One tensor of `items`, which are all bools, all ints, all floats or all complex numbers of Python; else none.
std::optional<Tensor> numbers_of(std::span<const Value> items);

}  // namespace hubcell::compare

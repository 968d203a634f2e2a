// How far two values lie apart that two models answered: their structure first, then their tensors, element by element.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/value.h>

namespace hubcell::compare {

struct Tolerance {
  double rtol = 1e-5, atol = 1e-8;  // as torch.allclose has them
};

// Two tensors at the same place of two answers. Figures are of the pairs of elements that are finite on both sides, in double
// precision. A pair that differs and is not finite on both sides (NaN is equal to NaN here, an infinity to one of its sign)
// counts as infinitely far apart in `max_abs` and `max_rel`.
struct TensorDifference {
  std::string path;                  // in the answer: "", "[0]", ".logits", "['out'][1]"
  std::array<std::string, 2> dtype;  // "float32"
  std::vector<std::int64_t> shape;   // of both: others are differences of structure
  std::uint64_t count = 0;           // elements
  std::uint64_t finite = 0;          // pairs of them that are finite on both sides
  bool equal = false;                // every pair, and the dtypes
  bool within = false;               // every pair: |b - a| <= atol + rtol * |a|
  std::uint64_t outside = 0;         // pairs that are not
  std::uint64_t changed = 0;         // pairs that are not equal
  double norm_of_change = 0;         // Euclidean, of b - a
  double norm_of_a = 0;
  double max_abs = 0, mean_abs = 0;  // of |b - a|
  double max_rel = 0, mean_rel = 0;  // of |b - a| / max(|a|, |b|): 0 to 2; 0 where both are 0
  std::optional<std::uint64_t>
      max_ulp;  // representable numbers between them; where both have the same floating dtype, and are finite
  std::optional<double> cosine;  // of the two, flattened; none where one of them is zero
  std::array<std::uint64_t, 2> nan{};
  std::array<std::uint64_t, 2> infinite{};
  std::vector<std::int64_t> worst;  // index of the first pair that lies farthest apart; empty where none does
  std::array<double, 2> worst_values{};  // of complex numbers the moduli
};

// Where two answers have not the same form: "[1]: a tensor float32 [1, 10] and a tuple of 2".
struct StructureDifference {
  std::string path;
  std::string a, b;  // what is there; "nothing" where nothing is
};

// Elements of tensors, and what else can be compared: numbers and text of a structure that is the same on both sides are tensors of
// one element, or structure differences.
struct ValueDifference {
  std::vector<StructureDifference> structure;
  std::vector<TensorDifference> tensors;
  std::uint64_t handles = 0;  // objects that stayed in their workers: they are compared by their class alone
  bool equal() const;
  bool within() const;
  double max_abs() const;  // infinite where the structures differ; 0 of no tensors
};

}  // namespace hubcell::compare

// Values of every kind, and what is different between two of them: for tables of round trips.
#pragma once

#include <hubcell/value.h>

#include <string>
#include <utility>
#include <vector>

namespace hubcell::tests {

using NamedValue = std::pair<std::string, Value>;

// Every kind that a caller can make, with its limits. `dtypes` is what the other side's torch has, or all.
std::vector<NamedValue> sample_values(const std::vector<DType>& dtypes = {});
// All of them in one.
Value all_samples();

// "" where they are equal, bit for bit: kinds, texts, numbers (NaN too), dtypes, shapes, strides and elements of
// tensors, flags; else one line that says where they differ.
std::string difference(const Value& value, const Value& expected);

}  // namespace hubcell::tests

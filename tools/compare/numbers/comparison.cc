#include <hubcell/comparison.h>

#include <algorithm>
#include <limits>

namespace hubcell::compare {

bool ValueDifference::equal() const {
  return structure.empty() && std::ranges::all_of(tensors, &TensorDifference::equal);
}

bool ValueDifference::within() const {
  return structure.empty() && std::ranges::all_of(tensors, &TensorDifference::within);
}

double ValueDifference::max_abs() const {
  double most = structure.empty() ? 0 : std::numeric_limits<double>::infinity();
  for (const TensorDifference& tensor : tensors)
    most = std::max(most, tensor.max_abs);
  return most;
}

std::size_t WeightsResult::count(WeightChange change) const {
  return static_cast<std::size_t>(std::ranges::count(weights, change, &WeightDifference::change));
}

bool Comparison::failed() const {
  return std::ranges::any_of(sides, [](const Side& side) { return !side.failure.empty(); }) ||
         !std::ranges::all_of(inputs, &InputResult::answered);
}

bool Comparison::equal() const {
  return !failed() && std::ranges::all_of(inputs, [](const InputResult& input) {
    return input.difference && input.difference->equal();
  });
}

bool Comparison::within() const {
  return !failed() && std::ranges::all_of(inputs, [](const InputResult& input) {
    return input.difference && input.difference->within();
  });
}

}  // namespace hubcell::compare

#include "tools/client/generator_memory.h"

#include <cstring>
#include <utility>

namespace hubcell::client {
namespace {

constexpr const char* kTorch = "torch";

// The generator's state within a caller's state; null where there is none.
const Tensor* generator_of(const Value& state) {
  if (!state.is<Dict>()) return nullptr;
  const Value* found = state.find(kTorch);
  return found != nullptr && found->is<Tensor>() ? &found->tensor() : nullptr;
}

bool are_equal(const Tensor& one, const Tensor& other) {
  return one.bytes() == other.bytes() && one.is_contiguous() && other.is_contiguous() &&
         std::memcmp(one.data(), other.data(), one.bytes()) == 0;
}

Value without_generator(const Value& state) {
  Dict shorter = state.as<Dict>();
  for (auto& [name, value] : shorter.items)
    if (name.is<std::string>() && name.text() == kTorch) value = None{};
  return shorter;
}

}  // namespace

Value GeneratorMemory::begin(const Value& state) {
  const std::scoped_lock lock(mutex_);
  was_alone_ = in_flight_++ == 0;
  const bool was_known = std::exchange(is_known_, false);
  const Tensor* generator = generator_of(state);
  if (generator == nullptr || !was_alone_ || !was_known || !are_equal(known_, *generator)) return state;
  return without_generator(state);
}

void GeneratorMemory::end(const Value& sent, const Value& moved) {
  const std::scoped_lock lock(mutex_);
  --in_flight_;
  const Tensor* generator = generator_of(sent);
  if (generator == nullptr || !was_alone_ || in_flight_ != 0) return;
  const Tensor* now = generator_of(moved);
  // A copy: the caller's memory may change, and the worker's be wanted back.
  const Tensor& state = now != nullptr ? *now : *generator;
  is_known_ = true;
  if (are_equal(known_, state)) return;
  known_ = Tensor::zeros(state.dtype(), state.shape());
  copy_elements(state, known_);
}

}  // namespace hubcell::client

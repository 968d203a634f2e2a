// A participant of `tools/bench call` that calls nothing: one copy of the same bytes, the least that a call which
// hands its input to another process can cost.
#include <cstdio>
#include <cstring>

#include <hubcell/error.h>

#include "tools/benchmarks/rounds.h"

namespace {

// Both buffers hold the answer from the start: every page of them is touched before the first copy.
hubcell::benchmarks::Call make_copy(const hubcell::Tensor& input) {
  const auto twice = hubcell::Tensor::zeros(input.dtype(), input.shape());
  const auto target = hubcell::Tensor::zeros(input.dtype(), input.shape());
  for (std::size_t i = 0; i < input.count(); ++i)
    twice.items<float>()[i] = target.items<float>()[i] = input.items<float>()[i] * 2;
  return [twice, target] {
    std::memcpy(target.data(), twice.data(), target.bytes());
    return target;
  };
}

}  // namespace

int main() {
  try {
    hubcell::benchmarks::answer_rounds(make_copy);
  } catch (const hubcell::Error& error) {
    std::fprintf(stderr, "hubcell-bench-memcpy: %s\n", error.what());
    return 1;
  }
}

// A participant of `tools/bench call`: a C++ program that calls a model through hubcell, one call after the other or with several
// in flight.
#include <cstdio>
#include <deque>
#include <memory>
#include <string_view>

#include <hubcell/hub.h>

#include "tools/benchmarks/rounds.h"

namespace {

using hubcell::benchmarks::Call;

constexpr std::size_t kInFlight = 16;
// Of larger inputs that many would need gigabytes.
constexpr std::size_t kManyBytesMax = std::size_t{1} << 20;

Call call_alone(const hubcell::Object& model, const hubcell::Tensor& input) {
  return [&model, input] { return model({input}).tensor(); };
}

// Each call begins one, and takes the answer of the oldest that is in flight.
Call call_ahead(const hubcell::Object& model, const hubcell::Tensor& input) {
  const auto futures = std::make_shared<std::deque<hubcell::Future>>();
  const std::size_t ahead = input.bytes() <= kManyBytesMax ? kInFlight : 2;
  return [&model, input, futures, ahead] {
    while (futures->size() < ahead)
      futures->push_back(model.call_async("", {input}));
    hubcell::Tensor answer = futures->front().get().tensor();
    futures->pop_front();
    return answer;
  };
}

}  // namespace

int main(int count, char** words) {
  const bool is_ahead = count == 5 && std::string_view(words[4]) == "ahead";
  if (count != 4 && !is_ahead) {
    std::fprintf(stderr, "usage: hubcell-bench-call PYTHON FOLDER ENTRY [ahead]\n");
    return 2;
  }
  try {
    hubcell::Hub hub({.python = words[1]});
    const hubcell::Object model = hub.load(words[2], words[3]);
    hubcell::benchmarks::answer_rounds([&](const hubcell::Tensor& input) {
      return is_ahead ? call_ahead(model, input) : call_alone(model, input);
    });
  } catch (const hubcell::Error& error) {
    std::fprintf(stderr, "hubcell-bench-call: %s\n", error.what());
    return 1;
  }
}

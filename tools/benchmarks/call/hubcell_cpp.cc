// A participant of `tools/bench call`: a C++ program that calls a model through hubcell.
#include <cstdio>

#include <hubcell/hub.h>

#include "tools/benchmarks/rounds.h"

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: hubcell-bench-call PYTHON FOLDER ENTRY\n");
    return 2;
  }
  try {
    hubcell::Hub hub({.python = words[1]});
    const hubcell::Object model = hub.load(words[2], words[3]);
    hubcell::benchmarks::answer_rounds([&model](const hubcell::Tensor& input) {
      return [&model, input] { return model({input}).tensor(); };
    });
  } catch (const hubcell::Error& error) {
    std::fprintf(stderr, "hubcell-bench-call: %s\n", error.what());
    return 1;
  }
}

#include "tools/benchmarks/rounds.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/error.h>

namespace hubcell::benchmarks {
namespace {

constexpr float kInput = 21;
constexpr std::size_t kPageFloats = 4096 / sizeof(float);

struct Round {
  std::vector<std::int64_t> shape;
  bool reads_answer = false;
  int warm_calls = 0;
  int calls = 0;
};

// "16x1024x1024 1 2 3"
Round parse_round(const std::string& line) {
  std::istringstream words(line);
  std::string shape;
  Round round;
  words >> shape >> round.reads_answer >> round.warm_calls >> round.calls;
  std::istringstream sizes(shape);
  for (std::string size; std::getline(sizes, size, 'x');)
    round.shape.push_back(std::stoll(size));
  if (!words || round.shape.empty())
    throw Error(ErrorCode::Usage, "read a round: '" + line + "' is not SHAPE READS WARM_CALLS CALLS");
  return round;
}

Tensor make_input(const std::vector<std::int64_t>& shape) {
  Tensor input = Tensor::zeros(DType::Float32, shape);
  std::fill_n(input.items<float>(), input.count(), kInput);
  return input;
}

void check_answer(const Tensor& answer, const Tensor& input) {
  const bool right = answer.dtype() == DType::Float32 && answer.shape() == input.shape() &&
                     std::all_of(answer.items<float>(), answer.items<float>() + answer.count(),
                                 [](float number) { return number == 2 * kInput; });
  if (!right) throw Error(ErrorCode::System, "check an answer: it is not twice the input");
}

void read_pages(const Tensor& answer) {
  volatile float read = 0;
  for (std::size_t i = 0; i < answer.count(); i += kPageFloats)
    read = answer.items<float>()[i];
  static_cast<void>(read);
}

void warm_up(const Call& call, int calls) {
  for (int i = 0; i < calls; ++i)
    call();
}

}  // namespace

// What callgrind counts (call/instructions.py): C's linkage gives it a name that can be written.
extern "C" [[gnu::noinline]] void hubcell_benchmarks_time_calls(const Call& call, int calls,
                                                                bool reads_answer,
                                                                std::vector<std::int64_t>& nanoseconds) {
  for (int i = 0; i < calls; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const Tensor answer = call();
    if (reads_answer) read_pages(answer);
    const auto end = std::chrono::steady_clock::now();
    nanoseconds.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
  }
}

void answer_rounds(const MakeCall& make_call) {
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const Round round = parse_round(line);
    const Tensor input = make_input(round.shape);
    const Call call = make_call(input);
    check_answer(call(), input);
    warm_up(call, round.warm_calls);
    std::vector<std::int64_t> nanoseconds;
    nanoseconds.reserve(static_cast<std::size_t>(round.calls));
    hubcell_benchmarks_time_calls(call, round.calls, round.reads_answer, nanoseconds);
    for (const std::int64_t time : nanoseconds)
      std::printf("%lld ", static_cast<long long>(time));
    std::puts("");
    std::fflush(stdout);
  }
}

}  // namespace hubcell::benchmarks

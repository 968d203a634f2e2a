#include <hubcell/compare.h>

#include <sys/utsname.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <thread>

#include "tools/compare/answers.h"
#include "tools/compare/calls.h"
#include "tools/compare/code.h"
#include "tools/compare/modules.h"
#include "tools/compare/speed.h"
#include "tools/compare/weights.h"

namespace hubcell::compare {
namespace {

void check(const CompareOptions& options) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::Usage, "compare two models: " + what);
  };
  if (!(options.confidence > 0 && options.confidence < 1)) refuse("the confidence must lie between 0 and 1");
  if (!(options.tolerance.rtol >= 0 && options.tolerance.atol >= 0)) refuse("a tolerance cannot be negative");
  if (options.topk == 0) refuse("top-0 classes are none");
  if (options.rounds == 0) refuse("0 rounds time nothing; leave the speed out");
}

// "AMD EPYC 7B13, 2 CPUs, Linux 6.1.0"
std::string machine_text() {
  std::string model = "unknown processor";
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  utsname system{};
  ::uname(&system);
  return model + ", " + std::to_string(std::thread::hardware_concurrency()) + " CPUs, " + system.sysname +
         " " + system.release;
}

// The inputs that both sides answered.
std::vector<std::size_t> answered(const Comparison& found) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < found.inputs.size(); ++i) {
    if (found.inputs[i].answered()) indices.push_back(i);
  }
  return indices;
}

// The one on which they disagree most; the first, where they never do.
std::size_t most_telling(const Comparison& found, const std::vector<std::size_t>& usable) {
  return *std::ranges::max_element(
      usable, [](double left, double right) { return left < right; },
      [&](std::size_t i) { return found.inputs[i].difference->max_abs(); });
}

void refresh_info(const std::array<const Model*, 2>& models, Comparison& found) {
  for (std::size_t side = 0; side < 2; ++side) {
    if (models[side]->object) found.sides[side].info = models[side]->object->info();
  }
}

// Each part beside the answers needs both models.
void compare_parts(const Model& a, const Model& b, const InputSet& inputs, const CompareOptions& options,
                   Comparison& found) {
  compare_answers(a, b, inputs, options, found);
  const std::vector<std::size_t> usable = answered(found);
  if (options.parts.speed) compare_speed(a, b, inputs, usable, options, found.speed.emplace());
  refresh_info({&a, &b}, found);
  if (options.parts.weights) compare_weights(*a.object, *b.object, options, found.weights.emplace());
  if (!options.parts.modules) return;
  TraceResult& trace = found.trace.emplace();
  if (usable.empty()) {
    trace.note = "there is no input that both sides answered";
    return;
  }
  if (options.progress) options.progress("compare modules", 0, 0);
  const std::size_t telling = most_telling(found, usable);
  compare_modules(a, b, inputs.make(telling), options.seed + telling, options, trace);
}

}  // namespace

InputSet input_set(std::vector<Input> inputs) {
  const std::size_t count = inputs.size();
  return {.count = count,
          .make = [inputs = std::move(inputs)](std::size_t index) { return inputs.at(index); }};
}

Comparison compare(const Model& a, const Model& b, const InputSet& inputs, const CompareOptions& options) {
  check(options);
  Comparison found{.sides = {a.side, b.side},
                   .tolerance = options.tolerance,
                   .confidence = options.confidence,
                   .time = std::time(nullptr),
                   .machine = machine_text()};
  try {
    if (options.parts.code) compare_code(a, b, options, found.code.emplace());
    if (!a.object || !b.object) return found;
    compare_parts(a, b, inputs, options, found);
  } catch (const Interrupted&) {
    found.interrupted = true;
  } catch (const Error&) {
    if (!options.stop.stop_requested()) throw;
    found.interrupted = true;
  }
  return found;
}

}  // namespace hubcell::compare

#include "tools/compare/answers.h"

#include <algorithm>
#include <numeric>

#include "tools/compare/calls.h"
#include "tools/compare/numbers/classes.h"
#include "tools/compare/numbers/differences.h"
#include "tools/compare/preview.h"

namespace hubcell::compare {
namespace {

// A worker that dies is started again for the next input; a model that dies on each would be started thousands of times.
constexpr std::size_t kDeathsInARowMax = 3;
// Inputs that reports show.
constexpr std::size_t kPreviewsMax = 8;
constexpr std::size_t kSummaryBytesMax = 120;

// "a tensor float32 [1, 512], 16000, flag=True"
std::string summary_of(const Input& input) {
  std::string text;
  const auto add = [&text](const std::string& name, const Value& value) {
    if (text.size() > kSummaryBytesMax) return;
    text += (text.empty() ? "" : ", ") + name + value.describe();
  };
  for (const Value& value : input.positional)
    add("", value);
  for (const auto& [name, value] : input.named)
    add(name + "=", value);
  return text.size() <= kSummaryBytesMax ? text : text.substr(0, kSummaryBytesMax) + " ...";
}

InputResult compare_one(const std::array<const Model*, 2>& models, const Input& input, std::uint64_t seed,
                        const CompareOptions& options, std::array<std::size_t, 2>& deaths) {
  InputResult result{.name = input.name, .summary = summary_of(input), .label = input.label};
  const std::array<Outcome, 2> outcomes = answer_both(models, input, seed, options);
  for (std::size_t side = 0; side < 2; ++side) {
    const Outcome& outcome = outcomes[side];
    deaths[side] = outcome.died ? deaths[side] + 1 : 0;
    result.failure[side] = outcome.failure;
    if (outcome.answer) result.ranking[side] = ranking_of(*outcome.answer, options.topk);
  }
  if (result.answered())
    result.difference = difference_of(*outcomes[0].answer, *outcomes[1].answer, options.tolerance);
  return result;
}

std::string side_name(const Comparison& found, std::size_t side) {
  return std::string(side == 0 ? "A (" : "B (") + found.sides[side].name + ")";
}

// Of the inputs that they disagree on most, the first of equal ones.
std::vector<std::size_t> most_different(const std::vector<InputResult>& inputs) {
  std::vector<std::size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return !inputs[i].difference || inputs[i].difference->equal(); });
  std::ranges::stable_sort(
      order, [&](double left, double right) { return left > right; },
      [&](std::size_t i) { return inputs[i].difference->max_abs(); });
  order.resize(std::min(order.size(), kPreviewsMax));
  return order;
}

}  // namespace

void compare_answers(const Model& a, const Model& b, const InputSet& inputs, const CompareOptions& options,
                     Comparison& found) {
  std::array<std::size_t, 2> deaths{};
  for (std::size_t i = 0; i < inputs.count; ++i) {
    check_stop(options);
    if (options.progress) options.progress("compare answers", i, inputs.count);
    found.inputs.push_back(compare_one({&a, &b}, inputs.make(i), options.seed + i, options, deaths));
    const auto dead =
        std::ranges::find_if(deaths, [](std::size_t count) { return count >= kDeathsInARowMax; });
    if (dead == deaths.end() || i + 1 == inputs.count) continue;
    const auto side = static_cast<std::size_t>(dead - deaths.begin());
    found.warnings.push_back(side_name(found, side) + " died " + std::to_string(kDeathsInARowMax) +
                             " times in a row: the other " + std::to_string(inputs.count - i - 1) +
                             " inputs were not tried");
    break;
  }
  for (const std::size_t i : most_different(found.inputs))
    found.inputs[i].preview = preview_of(inputs.make(i));
  const bool has_classes = std::ranges::any_of(
      found.inputs, [](const InputResult& input) { return input.ranking[0] && input.ranking[1]; });
  if (has_classes) found.classes = classify(found.inputs, options.topk, options.confidence);
}

}  // namespace hubcell::compare

#include "tools/compare/numbers/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>

namespace hubcell::compare {
namespace {

using Value = std::optional<double>;
using Measure = Value (*)(const Comparison&);

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

Value ratio(Value a, Value b) {
  return a && b && *a > 0 ? Value(*b / *a) : std::nullopt;
}

// ---- answers

bool has_differences(const Comparison& comparison) {
  return std::ranges::any_of(comparison.inputs,
                             [](const InputResult& input) { return input.difference.has_value(); });
}

// The sum of `figure` over all tensors of all answers; none where no answers were compared.
template <typename Term>
Value sum_over_tensors(const Comparison& comparison, Term term) {
  if (!has_differences(comparison)) return std::nullopt;
  double sum = 0;
  for (const InputResult& input : comparison.inputs) {
    if (!input.difference) continue;
    for (const TensorDifference& tensor : input.difference->tensors)
      sum += term(tensor);
  }
  return sum;
}

// The one of its values, of those that there are, which comes first by `compare`.
template <typename Term, typename Comes>
Value extreme_over_tensors(const Comparison& comparison, Term term, Comes comes_first) {
  Value found;
  for (const InputResult& input : comparison.inputs) {
    if (!input.difference) continue;
    for (const TensorDifference& tensor : input.difference->tensors) {
      const Value value = term(tensor);
      if (value && (!found || comes_first(*value, *found))) found = value;
    }
  }
  return found;
}

Value share(Value part, Value whole) {
  return part && whole ? Value(*whole > 0 ? *part / *whole : 0) : std::nullopt;
}

Value max_abs(const Comparison& comparison) {
  Value most;
  for (const InputResult& input : comparison.inputs)
    if (input.difference) most = std::max(most.value_or(0), input.difference->max_abs());
  return most;
}

Value max_rel(const Comparison& comparison) {
  Value most;
  for (const InputResult& input : comparison.inputs) {
    if (!input.difference) continue;
    most = std::max(most.value_or(0), input.difference->structure.empty() ? 0 : HUGE_VAL);
    for (const TensorDifference& tensor : input.difference->tensors)
      most = std::max(*most, tensor.max_rel);
  }
  return most;
}

// Of the elements of all answers, as if they were one tensor.
template <double TensorDifference::*kMean>
Value mean(const Comparison& comparison) {
  return share(
      sum_over_tensors(comparison,
                       [](const TensorDifference& tensor) {
                         return tensor.finite > 0 ? tensor.*kMean * number(tensor.finite) : 0;
                       }),
      sum_over_tensors(comparison, [](const TensorDifference& tensor) { return number(tensor.finite); }));
}

Value max_ulp(const Comparison& comparison) {
  return extreme_over_tensors(
      comparison,
      [](const TensorDifference& tensor) {
        return tensor.max_ulp ? Value(number(*tensor.max_ulp)) : std::nullopt;
      },
      std::greater<>());
}

Value least_cosine(const Comparison& comparison) {
  return extreme_over_tensors(
      comparison, [](const TensorDifference& tensor) { return tensor.cosine; }, std::less<>());
}

Value outside(const Comparison& comparison) {
  return share(
      sum_over_tensors(comparison, [](const TensorDifference& tensor) { return number(tensor.outside); }),
      sum_over_tensors(comparison, [](const TensorDifference& tensor) { return number(tensor.count); }));
}

template <std::array<std::uint64_t, 2> TensorDifference::*kCount, std::size_t kSide>
Value specials(const Comparison& comparison) {
  return sum_over_tensors(comparison,
                          [](const TensorDifference& tensor) { return number((tensor.*kCount)[kSide]); });
}

template <bool (Comparison::*kHolds)() const>
Value holds(const Comparison& comparison) {
  return comparison.inputs.empty() ? std::nullopt : Value((comparison.*kHolds)() ? 1 : 0);
}

Value same_structure(const Comparison& comparison) {
  if (!has_differences(comparison)) return std::nullopt;
  return std::ranges::all_of(comparison.inputs, [](const InputResult& input) {
    return !input.difference || input.difference->structure.empty();
  });
}

template <std::size_t kSide>
Value failures(const Comparison& comparison) {
  return number(static_cast<std::uint64_t>(std::ranges::count_if(
      comparison.inputs, [](const InputResult& input) { return !input.failure[kSide].empty(); })));
}

Value inputs(const Comparison& comparison) {
  return number(comparison.inputs.size());
}

// ---- classes

template <typename Get>
Value of_classes(const Comparison& comparison, Get get) {
  return comparison.classes && comparison.classes->top1_agreement.count > 0 ? Value(get(*comparison.classes))
                                                                            : std::nullopt;
}

Value top1_agreement(const Comparison& comparison) {
  return of_classes(comparison,
                    [](const ClassResult& classes) { return classes.top1_agreement.share.estimate; });
}

Value topk_overlap(const Comparison& comparison) {
  return of_classes(comparison, [](const ClassResult& classes) { return classes.topk_overlap; });
}

template <std::size_t kSide>
Value accuracy(const Comparison& comparison) {
  if (!comparison.classes || !comparison.classes->accuracy[kSide]) return std::nullopt;
  return comparison.classes->accuracy[kSide]->share.estimate;
}

template <double Interval::*kPart>
Value accuracy_difference(const Comparison& comparison) {
  if (!comparison.classes || !comparison.classes->accuracy_difference) return std::nullopt;
  return *comparison.classes->accuracy_difference.*kPart;
}

Value mcnemar(const Comparison& comparison) {
  return comparison.classes ? comparison.classes->mcnemar_p : std::nullopt;
}

// ---- speed and memory

template <std::size_t kSide, Interval Latency::*kQuantile>
Value latency(const Comparison& comparison) {
  if (!comparison.speed || comparison.speed->latency[kSide].samples.empty()) return std::nullopt;
  return (comparison.speed->latency[kSide].*kQuantile).estimate;
}

template <double Interval::*kPart>
Value latency_ratio(const Comparison& comparison) {
  return comparison.speed && comparison.speed->rounds > 0 ? Value(comparison.speed->ratio.*kPart)
                                                          : std::nullopt;
}

template <std::size_t kSide>
Value load(const Comparison& comparison) {
  return comparison.sides[kSide].load_s;
}

Value load_ratio(const Comparison& comparison) {
  return ratio(load<0>(comparison), load<1>(comparison));
}

template <std::size_t kSide>
Value memory(const Comparison& comparison) {
  const std::uint64_t bytes = comparison.sides[kSide].info.private_bytes;
  return bytes > 0 ? Value(number(bytes)) : std::nullopt;
}

Value memory_ratio(const Comparison& comparison) {
  return ratio(memory<0>(comparison), memory<1>(comparison));
}

// ---- weights, modules, code

template <typename Get>
Value of_weights(const Comparison& comparison, Get get) {
  return comparison.weights && comparison.weights->note.empty() ? Value(number(get(*comparison.weights)))
                                                                : std::nullopt;
}

Value weights_changed(const Comparison& comparison) {
  return of_weights(comparison, [](const WeightsResult& weights) {
    return weights.count(WeightChange::Changed) + weights.count(WeightChange::Reshaped);
  });
}

template <WeightChange kChange>
Value weights_of(const Comparison& comparison) {
  return of_weights(comparison, [](const WeightsResult& weights) { return weights.count(kChange); });
}

template <std::size_t kSide>
Value parameters(const Comparison& comparison) {
  return of_weights(comparison, [](const WeightsResult& weights) { return weights.parameters[kSide]; });
}

Value modules_changed(const Comparison& comparison) {
  if (!comparison.trace || comparison.trace->modules.empty()) return std::nullopt;
  return number(static_cast<std::uint64_t>(std::ranges::count_if(
      comparison.trace->modules,
      [](const ModuleDifference& module) { return module.worst && !module.worst->equal(); })));
}

template <typename Get>
Value of_code(const Comparison& comparison, Get get) {
  return comparison.code && comparison.code->note.empty() ? Value(number(get(*comparison.code)))
                                                          : std::nullopt;
}

Value commits(const Comparison& comparison) {
  return of_code(comparison, [](const CodeResult& code) { return code.only_a + code.only_b; });
}

template <std::uint64_t CodeResult::*kCount>
Value of_files(const Comparison& comparison) {
  return of_code(comparison, [](const CodeResult& code) { return code.*kCount; });
}

// ---- the table

struct Row {
  FigureInfo info;
  Measure measure;
};

constexpr std::string_view kAnswers = "answers of both sides",
                           kFloats = "answers of one floating dtype on both sides",
                           kScores = "answers that are scores of classes", kLabels = "labels of the inputs",
                           kRounds = "rounds of timed calls", kLoads = "both sides loaded",
                           kWeights = "the weights of both sides", kTrace = "a trace of the modules",
                           kCode = "two commits of one repository", kCalls = "at least one input";

constexpr Row kRows[] = {
    {{"max_abs", "largest |b - a|; infinite where the structures differ", kAnswers}, max_abs},
    {{"mean_abs", "mean |b - a| of all elements", kAnswers}, mean<&TensorDifference::mean_abs>},
    {{"max_rel", "largest |b - a| / max(|a|, |b|)", kAnswers}, max_rel},
    {{"mean_rel", "mean |b - a| / max(|a|, |b|)", kAnswers}, mean<&TensorDifference::mean_rel>},
    {{"max_ulp", "most representable numbers between a and b", kFloats}, max_ulp},
    {{"cosine", "least cosine of two tensors", "answers with tensors that are not zero"}, least_cosine},
    {{"equal", "1 if every answer is the same", kCalls}, holds<&Comparison::equal>},
    {{"within", "1 if every answer is within the tolerance", kCalls}, holds<&Comparison::within>},
    {{"same_structure", "1 if every answer has the same form", kAnswers}, same_structure},
    {{"outside", "share of elements outside the tolerance", kAnswers}, outside},
    {{"nan_a", "NaNs in A's answers", kAnswers}, specials<&TensorDifference::nan, 0>},
    {{"nan_b", "NaNs in B's answers", kAnswers}, specials<&TensorDifference::nan, 1>},
    {{"infinite_a", "infinities in A's answers", kAnswers}, specials<&TensorDifference::infinite, 0>},
    {{"infinite_b", "infinities in B's answers", kAnswers}, specials<&TensorDifference::infinite, 1>},
    {{"failures_a", "calls that failed on side A", {}}, failures<0>},
    {{"failures_b", "calls that failed on side B", {}}, failures<1>},
    {{"inputs", "inputs", {}}, inputs},
    {{"top1_agreement", "share of inputs with the same first class", kScores}, top1_agreement},
    {{"topk_overlap", "mean share of common classes among the first k", kScores}, topk_overlap},
    {{"accuracy_a", "share of inputs that A gets right", kLabels}, accuracy<0>},
    {{"accuracy_b", "share of inputs that B gets right", kLabels}, accuracy<1>},
    {{"accuracy_difference", "accuracy of B less that of A", kLabels},
     accuracy_difference<&Interval::estimate>},
    {{"accuracy_difference_low", "lower limit of it", kLabels}, accuracy_difference<&Interval::low>},
    {{"accuracy_difference_high", "upper limit of it", kLabels}, accuracy_difference<&Interval::high>},
    {{"mcnemar_p", "p of McNemar's exact test, two-sided", kLabels}, mcnemar},
    {{"latency_a", "median seconds of a call of A", kRounds}, latency<0, &Latency::p50>},
    {{"latency_b", "median seconds of a call of B", kRounds}, latency<1, &Latency::p50>},
    {{"p90_a", "90th percentile of A's calls, in seconds", kRounds}, latency<0, &Latency::p90>},
    {{"p90_b", "90th percentile of B's calls, in seconds", kRounds}, latency<1, &Latency::p90>},
    {{"p99_a", "99th percentile of A's calls, in seconds", kRounds}, latency<0, &Latency::p99>},
    {{"p99_b", "99th percentile of B's calls, in seconds", kRounds}, latency<1, &Latency::p99>},
    {{"latency_ratio", "how many times as long B takes as A", kRounds}, latency_ratio<&Interval::estimate>},
    {{"latency_ratio_low", "lower limit of it", kRounds}, latency_ratio<&Interval::low>},
    {{"latency_ratio_high", "upper limit of it", kRounds}, latency_ratio<&Interval::high>},
    {{"load_a", "seconds until A was loaded", "side A loaded"}, load<0>},
    {{"load_b", "seconds until B was loaded", "side B loaded"}, load<1>},
    {{"load_ratio", "load_b / load_a", kLoads}, load_ratio},
    {{"memory_a", "private bytes of A's worker", "side A loaded"}, memory<0>},
    {{"memory_b", "private bytes of B's worker", "side B loaded"}, memory<1>},
    {{"memory_ratio", "memory_b / memory_a", kLoads}, memory_ratio},
    {{"weights_changed", "weights with other elements, shape or dtype", kWeights}, weights_changed},
    {{"weights_only_a", "weights that only A has", kWeights}, weights_of<WeightChange::OnlyA>},
    {{"weights_only_b", "weights that only B has", kWeights}, weights_of<WeightChange::OnlyB>},
    {{"parameters_a", "elements of A's parameters", kWeights}, parameters<0>},
    {{"parameters_b", "elements of B's parameters", kWeights}, parameters<1>},
    {{"modules_changed", "modules whose output differs", kTrace}, modules_changed},
    {{"commits", "commits that only one side has", kCode}, commits},
    {{"files_changed", "files that differ", kCode}, of_files<&CodeResult::files_changed>},
    {{"lines_added", "lines that B has and A has not", kCode}, of_files<&CodeResult::lines_added>},
    {{"lines_removed", "lines that A has and B has not", kCode}, of_files<&CodeResult::lines_removed>},
};

constexpr auto kInfos = [] {
  std::array<FigureInfo, std::size(kRows)> infos{};
  for (std::size_t i = 0; i < infos.size(); ++i)
    infos[i] = kRows[i].info;
  return infos;
}();

}  // namespace

std::span<const FigureInfo> figure_infos() {
  return kInfos;
}

const FigureInfo* find_figure_info(std::string_view name) {
  const auto found = std::ranges::find(kInfos, name, &FigureInfo::name);
  return found == kInfos.end() ? nullptr : &*found;
}

std::vector<Figure> figures_of(const Comparison& comparison) {
  std::vector<Figure> figures;
  for (const auto& [info, measure] : kRows) {
    const Value value = measure(comparison);
    figures.push_back({info, value && !std::isnan(*value) ? value : std::nullopt});
  }
  return figures;
}

bool holds(const Condition& condition, const std::vector<Figure>& figures) {
  return condition.evaluate([&](std::string_view name) {
    const auto figure = std::ranges::find(figures, name, &Figure::name);
    return figure == figures.end() ? std::nullopt : figure->value;
  });
}

}  // namespace hubcell::compare

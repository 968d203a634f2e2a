#include "tools/compare/report/findings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <unordered_map>

#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kSides[] = {"A", "B"};

void add(PathSummary& sum, const TensorDifference& tensor, std::uint64_t& elements) {
  if (sum.inputs == 0) sum.dtype = tensor.dtype;
  sum.mixed |= sum.dtype != tensor.dtype;
  ++sum.inputs;
  sum.equal += tensor.equal ? 1 : 0;
  sum.within += tensor.equal || tensor.within ? 1 : 0;
  sum.max_abs = std::max(sum.max_abs, distance_of(tensor.max_abs));
  sum.max_rel = std::max(sum.max_rel, distance_of(tensor.max_rel));
  elements += tensor.count;
  if (!std::isfinite(tensor.mean_abs) || !std::isfinite(sum.mean_abs)) {
    sum.mean_abs = kInfinity;
  } else if (tensor.count > 0) {
    sum.mean_abs +=
        (tensor.mean_abs - sum.mean_abs) * static_cast<double>(tensor.count) / static_cast<double>(elements);
  }
  if (tensor.max_ulp) sum.max_ulp = std::max(sum.max_ulp.value_or(0), *tensor.max_ulp);
  if (tensor.cosine) sum.least_cosine = std::min(sum.least_cosine.value_or(kInfinity), *tensor.cosine);
  for (std::size_t side = 0; side < 2; ++side) {
    sum.nan.at(side) += tensor.nan.at(side);
    sum.infinite.at(side) += tensor.infinite.at(side);
  }
}

std::string load_failures(const Comparison& comparison) {
  std::string text;
  for (std::size_t side = 0; side < 2; ++side) {
    if (comparison.sides.at(side).failure.empty()) continue;
    text += (text.empty() ? "" : "; ") + std::string(kSides[side]) + " did not load";
  }
  return text;
}

std::string call_failures(const Comparison& comparison) {
  std::string text;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto failed = std::ranges::count_if(
        comparison.inputs, [side](const InputResult& input) { return !input.failure.at(side).empty(); });
    if (failed == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(kSides[side]) + " failed on " +
            grouped(static_cast<std::uint64_t>(failed)) + " of " + counted(comparison.inputs.size(), "input");
  }
  return text;
}

std::string difference_text(const Comparison& comparison) {
  return "max |b-a| " + figure(largest_difference(comparison)) + " over " +
         counted(comparison.inputs.size(), "input");
}

Outcome outcome_of(const Comparison& comparison, const InputCounts& counts) {
  if (comparison.failed()) return Outcome::Failed;
  if (counts.all() == 0) return Outcome::Nothing;
  if (counts.differ > 0) return Outcome::Differ;
  return counts.within > 0 ? Outcome::Within : Outcome::Equal;
}

std::string headline_of(const Comparison& comparison, const InputCounts& counts, Outcome outcome) {
  switch (outcome) {
    case Outcome::Failed: {
      const std::string loads = load_failures(comparison);
      return "failed: " + (loads.empty() ? call_failures(comparison) : loads);
    }
    case Outcome::Nothing:
      return "no input was compared";
    case Outcome::Equal:
      return counts.all() == 1 ? "equal: the one answer" : "equal: all " + counted(counts.all(), "answer");
    case Outcome::Within:
      return "within tolerance: " + difference_text(comparison);
    case Outcome::Differ:
      if (counts.structure == 0) return "differ: " + difference_text(comparison);
      return "differ: the structure of " + grouped(counts.structure) + " of " +
             counted(counts.all(), "answer");
  }
  return "";
}

}  // namespace

std::string word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Failed:
      return "failed";
    case Outcome::Nothing:
      return "nothing compared";
    case Outcome::Equal:
      return "equal";
    case Outcome::Within:
      return "within tolerance";
    case Outcome::Differ:
      return "differ";
  }
  return "";
}

Verdict verdict_of(const Comparison& comparison) {
  const InputCounts counts = count_inputs(comparison);
  Verdict verdict;
  verdict.outcome = outcome_of(comparison, counts);
  verdict.headline = headline_of(comparison, counts, verdict.outcome);
  if (verdict.outcome == Outcome::Failed && counts.differ > 0)
    verdict.clauses.push_back(grouped(counts.differ) + " of " + grouped(counts.all() - counts.failed) +
                              " answers differ");
  const auto& trace = comparison.trace;
  if (trace && has_first(*trace))
    verdict.clauses.push_back("first in module " + name_of(trace->modules[*trace->first]) +
                              place_in_first(*trace));
  for (std::string clause : {speed_clause(comparison), accuracy_clause(comparison)})
    if (!clause.empty()) verdict.clauses.push_back(std::move(clause));
  return verdict;
}

InputCounts count_inputs(const Comparison& comparison) {
  InputCounts counts;
  for (const InputResult& input : comparison.inputs) {
    if (!input.answered()) {
      ++counts.failed;
    } else if (input.difference && input.difference->equal()) {
      ++counts.equal;
    } else if (input.difference && input.difference->within()) {
      ++counts.within;
    } else if (input.difference) {
      ++counts.differ;
      counts.structure += input.difference->structure.empty() ? 0 : 1;
    }
  }
  return counts;
}

std::string counts_text(const InputCounts& counts) {
  std::string text;
  const auto add_count = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + grouped(count) + " " + what;
  };
  add_count(counts.equal, "equal");
  add_count(counts.within, "within tolerance");
  add_count(counts.differ, counts.differ == 1 ? "differs" : "differ");
  add_count(counts.failed, "failed");
  return text;
}

std::vector<PathSummary> sum_up_paths(const Comparison& comparison) {
  std::vector<PathSummary> sums;
  std::vector<std::uint64_t> elements;
  std::unordered_map<std::string, std::size_t> places;
  for (const InputResult& input : comparison.inputs) {
    if (!input.difference) continue;
    for (const TensorDifference& tensor : input.difference->tensors) {
      const auto [place, is_new] = places.try_emplace(tensor.path, sums.size());
      if (is_new && sums.size() == kPathsMax) {
        places.erase(place);
        continue;
      }
      if (is_new) {
        sums.emplace_back().path = tensor.path;
        elements.push_back(0);
      }
      add(sums[place->second], tensor, elements[place->second]);
    }
  }
  return sums;
}

double distance_of(double max_abs) {
  return std::isnan(max_abs) ? kInfinity : std::abs(max_abs);
}

double distance_of(const InputResult& input) {
  if (!input.difference) return 0;
  double most = input.difference->structure.empty() ? 0 : kInfinity;
  for (const TensorDifference& tensor : input.difference->tensors)
    most = std::max(most, distance_of(tensor.max_abs));
  return most;
}

double largest_difference(const Comparison& comparison) {
  double most = 0;
  for (const InputResult& input : comparison.inputs)
    if (input.answered()) most = std::max(most, distance_of(input));
  return most;
}

const TensorDifference* worst_tensor(const ValueDifference& difference) {
  const auto worst = std::ranges::max_element(
      difference.tensors, {}, [](const TensorDifference& tensor) { return distance_of(tensor.max_abs); });
  return worst == difference.tensors.end() ? nullptr : &*worst;
}

std::vector<std::size_t> worst_inputs(const Comparison& comparison) {
  std::vector<std::size_t> indices;
  std::vector<double> distance(comparison.inputs.size());
  for (std::size_t i = 0; i < comparison.inputs.size(); ++i) {
    const InputResult& input = comparison.inputs[i];
    if (input.answered() && (!input.difference || input.difference->equal())) continue;
    indices.push_back(i);
    distance[i] = distance_of(input);
  }
  const auto rank = [&](std::size_t i) {
    return std::tuple(comparison.inputs[i].answered(), -distance[i], i);
  };
  std::ranges::sort(indices, {}, rank);
  return indices;
}

bool differs(const ModuleDifference& module) {
  return module.worst && !module.worst->equal();
}

std::string name_of(const ModuleDifference& module) {
  return module.name.empty() ? "the model itself" : module.name;
}

ModuleCounts count_modules(const TraceResult& trace) {
  ModuleCounts counts;
  for (const ModuleDifference& module : trace.modules) {
    counts.compared += module.worst ? 1 : 0;
    counts.differ += differs(module) ? 1 : 0;
  }
  return counts;
}

bool has_first(const TraceResult& trace) {
  return trace.first && *trace.first < trace.modules.size();
}

std::string place_in_first(const TraceResult& trace) {
  if (!trace.first_passes_to) return "";
  return ", in what it passes to " + text::brief(*trace.first_passes_to);
}

std::vector<std::size_t> growing_modules(const TraceResult& trace) {
  std::vector<std::size_t> steps;
  double most = 0;
  for (std::size_t i = 0; i < trace.modules.size(); ++i) {
    const ModuleDifference& module = trace.modules[i];
    if (!differs(module)) continue;
    const double distance = distance_of(module.worst->max_abs());
    if (!steps.empty() && distance <= most) continue;
    steps.push_back(i);
    most = distance;
  }
  return steps;
}

std::vector<std::size_t> changed_files(const CodeResult& code) {
  std::vector<std::size_t> indices(code.files.size());
  std::iota(indices.begin(), indices.end(), 0);
  const auto rank = [&](std::size_t i) {
    const FileChange& file = code.files[i];
    return std::pair(-(static_cast<double>(file.added) + static_cast<double>(file.removed)), i);
  };
  std::ranges::sort(indices, {}, rank);
  return indices;
}

std::vector<std::size_t> changed_weights(const WeightsResult& weights) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < weights.weights.size(); ++i)
    if (weights.weights[i].change != WeightChange::Equal) indices.push_back(i);
  const auto rank = [&](std::size_t i) {
    const WeightDifference& weight = weights.weights[i];
    return std::pair(weight.change == WeightChange::Changed ? -distance_of(weight.relative_norm) : -kInfinity,
                     i);
  };
  std::ranges::sort(indices, {}, rank);
  return indices;
}

std::string speed_clause(const Comparison& comparison) {
  if (!comparison.speed || comparison.speed->latency[0].samples.empty()) return "";
  const Interval& ratio = comparison.speed->ratio;
  const std::string at = level(comparison.confidence) + ": ";
  if (!comparison.speed->differs())
    return "no difference in speed seen (B/A " + at + range(ratio, figure) + ")";
  // A ratio of times says how much slower; of speeds, its inverse.
  if (ratio.low > 1) return "B is " + times(ratio.estimate) + " slower (" + at + range(ratio, figure) + ")";
  const Interval speed{1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low};
  return "B is " + times(speed.estimate) + " faster (" + at + range(speed, figure) + ")";
}

std::string accuracy_clause(const Comparison& comparison) {
  if (!comparison.classes) return "";
  const auto& accuracy = comparison.classes->accuracy;
  if (!accuracy[0] || !accuracy[1]) return "";
  const std::string a = percent(accuracy[0]->share.estimate), b = percent(accuracy[1]->share.estimate);
  if (accuracy[0]->hits == accuracy[1]->hits && accuracy[0]->count == accuracy[1]->count)
    return "same accuracy (" + a + ")";
  const auto& difference = comparison.classes->accuracy_difference;
  if (!difference || (difference->low <= 0 && difference->high >= 0) || std::isnan(difference->estimate))
    return "no difference in accuracy seen (A " + a + ", B " + b + ")";
  return std::string("B is ") + (difference->estimate > 0 ? "more" : "less") + " accurate (A " + a + ", B " +
         b + ")";
}

DependencyChange compare_dependencies(const Comparison& comparison) {
  const auto without = [](const std::vector<std::string>& all, const std::vector<std::string>& other) {
    const std::set<std::string> known(other.begin(), other.end());
    std::vector<std::string> rest;
    std::ranges::copy_if(all, std::back_inserter(rest),
                         [&](const std::string& name) { return !known.contains(name); });
    return rest;
  };
  const std::vector<std::string>& a = comparison.sides[0].dependencies;
  const std::vector<std::string>& b = comparison.sides[1].dependencies;
  return {without(a, b), without(b, a)};
}

bool code_differs(const Comparison& comparison) {
  const Side& a = comparison.sides[0];
  const Side& b = comparison.sides[1];
  if (!a.failure.empty() || !b.failure.empty()) return false;
  const DependencyChange dependencies = compare_dependencies(comparison);
  return a.signature != b.signature || a.docstring != b.docstring || !dependencies.only_a.empty() ||
         !dependencies.only_b.empty();
}

}  // namespace hubcell::compare

#include "tools/compare/numbers/classes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>

#include "tools/compare/numbers/element_reader.h"
#include "tools/compare/numbers/numbers.h"
#include "tools/compare/numbers/statistics.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kClassesMax = std::size_t{1} << 20;

// The tensor of an answer that may be one of scores.
const Tensor* scores_in(const Value& answer) {
  const Tensor* tensor = answer.is<Tensor>()  ? &answer.tensor()
                         : answer.is<Array>() ? &answer.as<Array>().elements
                                              : nullptr;
  if (tensor == nullptr || number_kind(tensor->dtype()) != NumberKind::Floating) return nullptr;
  const std::vector<std::int64_t>& shape = tensor->shape();
  const bool is_row = shape.size() == 1 || (shape.size() == 2 && shape[0] == 1);
  return is_row && tensor->count() >= 2 && tensor->count() <= kClassesMax ? tensor : nullptr;
}

std::vector<double> doubles_of(const Tensor& tensor) {
  std::vector<std::byte> raw(tensor.bytes());
  ElementReader(tensor).read(raw);
  std::vector<double> numbers(tensor.count());
  to_doubles(tensor.dtype(), raw.data(), numbers);
  return numbers;
}

// The first `k` classes that have a number for a score.
std::span<const std::int64_t> first_classes(const Ranking& ranking, std::size_t k) {
  const auto nan = std::ranges::find_if(ranking.scores, [](double score) { return std::isnan(score); });
  const auto count = static_cast<std::size_t>(nan - ranking.scores.begin());
  return std::span(ranking.best).first(std::min({k, count, ranking.best.size()}));
}

bool has(std::span<const std::int64_t> classes, std::int64_t wanted) {
  return std::ranges::find(classes, wanted) != classes.end();
}

double overlap(const Ranking& a, const Ranking& b, std::size_t k) {
  const std::size_t places = std::min({k, a.best.size(), b.best.size()});
  if (places == 0) return 0;
  const auto left = first_classes(a, places), right = first_classes(b, places);
  const auto common = std::ranges::count_if(left, [&](std::int64_t one) { return has(right, one); });
  return static_cast<double>(common) / static_cast<double>(places);
}

bool agree_on_first(const Ranking& a, const Ranking& b) {
  const auto left = first_classes(a, 1), right = first_classes(b, 1);
  return !left.empty() && !right.empty() && left[0] == right[0];
}

Proportion proportion_of(std::uint64_t hits, std::uint64_t count, double confidence) {
  return {.hits = hits, .count = count, .share = wilson_interval(hits, count, confidence)};
}

// What labels tell.
struct LabelCounts {
  PairedCounts pairs;  // of first classes
  std::array<std::uint64_t, 2> topk_hits{};

  void add(const InputResult& input, std::size_t k) {
    std::array<bool, 2> is_right{};
    for (std::size_t side = 0; side < 2; ++side) {
      is_right[side] = has(first_classes(*input.ranking[side], 1), *input.label);
      topk_hits[side] += has(first_classes(*input.ranking[side], k), *input.label) ? 1 : 0;
    }
    ++(is_right[0]   ? is_right[1] ? pairs.both_right : pairs.only_a
       : is_right[1] ? pairs.only_b
                     : pairs.both_wrong);
  }
};

void put_label_figures(const LabelCounts& counts, double confidence, ClassResult& result) {
  const PairedCounts& pairs = counts.pairs;
  if (pairs.count() == 0) return;
  const std::array<std::uint64_t, 2> right{pairs.both_right + pairs.only_a, pairs.both_right + pairs.only_b};
  for (std::size_t side = 0; side < 2; ++side) {
    result.accuracy[side] = proportion_of(right[side], pairs.count(), confidence);
    result.topk_accuracy[side] = proportion_of(counts.topk_hits[side], pairs.count(), confidence);
  }
  result.only_a_right = pairs.only_a;
  result.only_b_right = pairs.only_b;
  result.accuracy_difference = paired_difference_interval(pairs, confidence);
  result.mcnemar_p = mcnemar_p(pairs.only_a, pairs.only_b);
}

}  // namespace

bool looks_like_scores(const Value& answer) {
  return scores_in(answer) != nullptr;
}

std::optional<Ranking> ranking_of(const Value& answer, std::size_t k) {
  const Tensor* tensor = scores_in(answer);
  if (tensor == nullptr) return std::nullopt;
  const std::vector<double> scores = doubles_of(*tensor);
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto comes_first = [&](std::int64_t left, std::int64_t right) {
    const double a = scores[static_cast<std::size_t>(left)], b = scores[static_cast<std::size_t>(right)];
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b) ? left < right : std::isnan(b);
    return a != b ? a > b : left < right;
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(k, order.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), comes_first);
  order.resize(static_cast<std::size_t>(count));
  Ranking ranking{.best = order, .scores = {}};
  for (const std::int64_t one : order)
    ranking.scores.push_back(scores[static_cast<std::size_t>(one)]);
  return ranking;
}

ClassResult classify(const std::vector<InputResult>& inputs, std::size_t k, double confidence) {
  ClassResult result;
  result.k = k;
  std::uint64_t count = 0, agreements = 0;
  LabelCounts labels;
  for (const InputResult& input : inputs) {
    if (!input.ranking[0] || !input.ranking[1]) continue;
    ++count;
    agreements += agree_on_first(*input.ranking[0], *input.ranking[1]) ? 1 : 0;
    result.topk_overlap += overlap(*input.ranking[0], *input.ranking[1], k);
    if (input.label) labels.add(input, k);
  }
  if (count > 0) result.topk_overlap /= static_cast<double>(count);
  result.top1_agreement = proportion_of(agreements, count, confidence);
  put_label_figures(labels, confidence, result);
  return result;
}

}  // namespace hubcell::compare

#include "tools/compare/traffic/shadow_statistics.h"

#include <algorithm>
#include <cstdio>

namespace hubcell::compare {
namespace {

// Of texts that are kept: a hostile worker's may be of any length.
constexpr std::size_t kSummaryBytesMax = 500;

std::string shortened(std::string text) {
  if (text.size() > kSummaryBytesMax) text = text.substr(0, kSummaryBytesMax) + "...";
  return text;
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

Quantiles quantiles_of(const LatencySketch& sketch) {
  return {.count = sketch.count(),
          .p50 = sketch.quantile(0.5),
          .p90 = sketch.quantile(0.9),
          .p99 = sketch.quantile(0.99)};
}

}  // namespace

std::string summary_of(const Arguments& arguments, const Keywords& keywords) {
  std::string text;
  const auto add = [&text](const std::string& part) {
    if (text.size() < kSummaryBytesMax) text += (text.empty() ? "" : ", ") + part;
  };
  for (const Value& argument : arguments)
    add(argument.describe());
  for (const auto& [name, argument] : keywords)
    add(name + " " + argument.describe());
  return shortened(std::move(text));
}

std::string summary_of(const ValueDifference& difference) {
  if (difference.within()) return "";
  if (!difference.structure.empty()) {
    const StructureDifference& first = difference.structure.front();
    return shortened((first.path.empty() ? "" : first.path + ": ") + first.a + " and " + first.b);
  }
  const auto& worst = *std::ranges::max_element(difference.tensors, {}, [](const TensorDifference& tensor) {
    return std::pair(!tensor.within, tensor.max_abs);
  });
  return shortened((worst.path.empty() ? "" : worst.path + ": ") + "max_abs " + number_text(worst.max_abs) +
                   ", " + std::to_string(worst.outside) + " of " + std::to_string(worst.count) + " outside");
}

bool ShadowBook::note(const ShadowedCall& call, double time) {
  note_latency(1, call.seconds[1]);
  if (call.failure) {
    ++counts.failed_b;
    keep(call, time, call.failure->type + ": " + call.failure->message);
    return true;
  }
  ++counts.compared;
  const ValueDifference& difference = *call.difference;
  counts.equal += difference.equal() ? 1 : 0;
  counts.max_abs = std::max(counts.max_abs, difference.max_abs());
  for (const TensorDifference& tensor : difference.tensors) {
    sum_abs_ += tensor.mean_abs * static_cast<double>(tensor.finite);
    elements_ += static_cast<double>(tensor.finite);
  }
  if (difference.within()) return false;
  ++counts.differing;
  keep(call, time, summary_of(difference));
  return true;
}

void ShadowBook::keep(const ShadowedCall& call, double time, std::string what) {
  if (last_max_ == 0) return;
  if (last_.size() == last_max_) last_.pop_front();
  last_.push_back({.number = call.number,
                   .time = time,
                   .method = shortened(call.method),
                   .arguments = summary_of(call.arguments, call.keywords),
                   .what = shortened(std::move(what))});
}

ShadowStatistics ShadowBook::statistics() const {
  ShadowStatistics all = counts;
  all.mean_abs = elements_ == 0 ? 0 : sum_abs_ / elements_;
  for (std::size_t side = 0; side < 2; ++side)
    all.latency[side] = quantiles_of(latency_[side]);
  all.last.assign(last_.begin(), last_.end());
  return all;
}

}  // namespace hubcell::compare

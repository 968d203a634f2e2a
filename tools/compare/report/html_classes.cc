// The classes that both sides chose, and how often they are right.
#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"

namespace hubcell::compare {
namespace {

std::string share_tick(double share) {
  return figure(share * 100) + " %";
}

std::string points_tick(double difference) {
  return figure(difference * 100);
}

std::string share_text(const Proportion& proportion) {
  return percent(proportion.share.estimate) + " (" + range(proportion.share, percent) + ")";
}

void add_rows(IntervalRows& rows, const Comparison& comparison,
              const std::array<std::optional<Proportion>, 2>& shares, const std::string& what) {
  if (!shares[0] || !shares[1]) return;
  for (std::size_t side = 0; side < 2; ++side)
    rows.rows.push_back({labelled(comparison, side) + ": " + what, share_text(*shares.at(side)),
                         shares.at(side)->share, tone(side)});
}

std::string accuracy_finding(const ClassResult& classes) {
  if (!classes.accuracy[0] || !classes.accuracy[1]) return "";
  return "Right on " + grouped(classes.accuracy[0]->hits) + " of " + grouped(classes.accuracy[0]->count) +
         " inputs: A; on " + grouped(classes.accuracy[1]->hits) + " of " +
         grouped(classes.accuracy[1]->count) + ": B.";
}

void add_accuracy(Html& html, const Comparison& comparison) {
  const ClassResult& classes = *comparison.classes;
  IntervalRows rows{.plot = {.caption = "How often each side is right",
                             .note = "The share of inputs with a label, and its interval at " +
                                     level(comparison.confidence) + " (Wilson).",
                             .finding = accuracy_finding(classes),
                             .height = 0},
                    .rows = {},
                    .reference = {},
                    .reference_label = "",
                    .ends = Interval{0, 0, 1},
                    .format = share_tick};
  add_rows(rows, comparison, classes.accuracy, "best class");
  add_rows(rows, comparison, classes.topk_accuracy, "among the best " + std::to_string(classes.k));
  add_intervals(html, std::move(rows));
}

void add_difference(Html& html, const Comparison& comparison) {
  const auto& difference = comparison.classes->accuracy_difference;
  if (!difference) return;
  const std::string text = points(difference->estimate) + " points (" + range(*difference, points) + ")";
  add_intervals(
      html,
      {.plot = {.caption = "Accuracy of B − accuracy of A",
                .note =
                    "In percentage points, of the same inputs. An interval that holds 0 tells no difference.",
                .finding = text,
                .height = 0},
       .rows = {{"B − A", text, *difference, "ink"}},
       .reference = 0,
       .reference_label = "no difference",
       .ends = {},
       .format = points_tick});
}

std::string pairs_finding(const ClassResult& classes) {
  if (!classes.accuracy[0] || !classes.accuracy[1]) return "";
  std::string text = "Only A is right on " + grouped(classes.only_a_right) + ", only B on " +
                     grouped(classes.only_b_right) + ".";
  if (classes.mcnemar_p) text += " McNemar’s exact test gives p = " + figure(*classes.mcnemar_p) + ".";
  return text;
}

}  // namespace

bool has_classes(const Comparison& comparison) {
  return comparison.classes && comparison.classes->top1_agreement.count > 0;
}

void add_classes(Html& html, const Comparison& comparison) {
  const ClassResult& classes = *comparison.classes;
  const Proportion& agreement = classes.top1_agreement;
  const PageSection section(
      html, "classes", "Classes",
      {"Both rank the same class first on " + grouped(agreement.hits) + " of " +
           counted(agreement.count, "input") + ": " + share_text(agreement) + ". Of the best " +
           std::to_string(classes.k) + " classes they share " + percent(classes.topk_overlap) + ".",
       accuracy_finding(classes), pairs_finding(classes)});
  if (classes.accuracy[0] && classes.accuracy[1]) {
    add_accuracy(html, comparison);
    add_difference(html, comparison);
    return;
  }
  add_intervals(html, {.plot = {.caption = "How often both rank the same class first",
                                .note = "",
                                .finding = share_text(agreement),
                                .height = 0},
                       .rows = {{"A and B agree", share_text(agreement), agreement.share, "ink"}},
                       .reference = {},
                       .reference_label = "",
                       .ends = Interval{0, 0, 1},
                       .format = share_tick});
}

}  // namespace hubcell::compare

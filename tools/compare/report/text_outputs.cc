// What the sides answered, and the classes that they chose.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_sections.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kPathsShown = 6;
constexpr std::size_t kInputsShown = 5;
constexpr std::size_t kStructuresShown = 4;

std::string place(const std::string& path) {
  return path.empty() ? "answer" : path;
}

std::string of(std::uint64_t part, std::uint64_t all) {
  return grouped(part) + "/" + grouped(all);
}

std::vector<Cell> path_row(const PathSummary& path) {
  const bool is_equal = path.equal == path.inputs;
  return {place(path.path),
          {of(path.equal, path.inputs), is_equal ? Tone::Good : Tone::Plain},
          of(path.within, path.inputs),
          figure(path.max_abs),
          figure(path.mean_abs),
          figure(path.max_rel),
          path.max_ulp ? figure(static_cast<double>(*path.max_ulp)) : "-",
          path.least_cosine ? cosine_distance(*path.least_cosine) : "-"};
}

// What the table has no column for.
void add_remarks(const Section& to, const PathSummary& path) {
  const std::string at = text::brief(place(path.path)) + ": ";
  if (path.nan[0] + path.nan[1] > 0)
    to.lines.paragraph(
        at + "NaN in " + counted(path.nan[0], "element") + " of A, " + grouped(path.nan[1]) + " of B",
        Tone::Bad, 2);
  if (path.infinite[0] + path.infinite[1] > 0)
    to.lines.paragraph(at + "infinite in " + counted(path.infinite[0], "element") + " of A, " +
                           grouped(path.infinite[1]) + " of B",
                       Tone::Bad, 2);
  if (path.dtype[0] != path.dtype[1])
    to.lines.paragraph(
        at + text::brief(path.dtype[0], 30) + " in A, " + text::brief(path.dtype[1], 30) + " in B", Tone::Bad,
        2);
}

void add_paths(const Section& to) {
  std::vector<PathSummary> paths = sum_up_paths(to.comparison);
  if (!to.verbose) std::erase_if(paths, [](const PathSummary& path) { return path.equal == path.inputs; });
  if (paths.empty()) return;
  Table table{.columns = {{"place", Align::Left, true},
                          {"equal", Align::Right},
                          {"close", Align::Right},
                          {"max |b-a|", Align::Right},
                          {"mean", Align::Right},
                          {"max rel", Align::Right},
                          {"ULP", Align::Right},
                          {"1-cos", Align::Right}},
              .rows = {}};
  const std::size_t shown = std::min(paths.size(), to.rows(kPathsShown));
  for (std::size_t i = 0; i < shown; ++i)
    table.rows.push_back(path_row(paths[i]));
  to.lines.table(table);
  add_rest(to, paths.size(), shown);
  for (std::size_t i = 0; i < shown; ++i)
    add_remarks(to, paths[i]);
}

void add_structures(const Section& to) {
  std::size_t count = 0;
  for (const InputResult& input : to.comparison.inputs) {
    if (!input.difference) continue;
    for (const StructureDifference& difference : input.difference->structure) {
      if (++count > to.rows(kStructuresShown)) continue;
      to.lines.paragraph(text::brief(input.name) + ", " + text::brief(place(difference.path)) + ": " +
                             text::brief(difference.a) + " in A, " + text::brief(difference.b) + " in B",
                         Tone::Plain, 3);
    }
  }
  add_rest(to, count, to.rows(kStructuresShown));
}

std::string classes_text(const InputResult& input) {
  std::string text;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto& ranking = input.ranking.at(side);
    text += (side == 0 ? "" : ", ") +
            (ranking && !ranking->best.empty() ? std::to_string(ranking->best[0]) : std::string("-"));
  }
  return text;
}

std::vector<Cell> input_row(const InputResult& input, bool has_classes) {
  const TensorDifference* tensor = worst_tensor(*input.difference);
  std::vector<Cell> row = {input.name, figure(distance_of(input))};
  if (tensor == nullptr) {
    row.insert(row.end(), {"structure", "", ""});
  } else {
    row.insert(row.end(), {tensor->path + (tensor->worst.empty() ? "" : sizes(tensor->worst)),
                           figure(tensor->worst_values[0]), figure(tensor->worst_values[1])});
  }
  if (has_classes) row.emplace_back(classes_text(input));
  return row;
}

void add_worst_inputs(const Section& to) {
  std::vector<std::size_t> worst = worst_inputs(to.comparison);
  const std::vector<InputResult>& inputs = to.comparison.inputs;
  std::erase_if(worst, [&](std::size_t i) { return !inputs[i].answered() || !inputs[i].difference; });
  if (worst.empty()) return;
  const bool has_classes = inputs[worst[0]].ranking[0].has_value();
  Table table{.columns = {{"differ most", Align::Left, true},
                          {"max |b-a|", Align::Right},
                          {"at", Align::Left, true},
                          {"A", Align::Right},
                          {"B", Align::Right}},
              .rows = {}};
  if (has_classes) table.columns.push_back({"class A, B", Align::Right});
  const std::size_t shown = std::min(worst.size(), to.rows(kInputsShown));
  for (std::size_t i = 0; i < shown; ++i)
    table.rows.push_back(input_row(inputs[worst[i]], has_classes));
  to.lines.table(table);
  add_rest(to, worst.size(), shown);
}

std::string share_text(const Proportion& proportion) {
  return of(proportion.hits, proportion.count) + " = " + percent(proportion.share.estimate) + " (" +
         range(proportion.share, percent) + ")";
}

void add_accuracy(const Section& to, const ClassResult& classes) {
  if (!classes.accuracy[0] || !classes.accuracy[1]) return;
  Table table{.columns = {{"right"}, {"A", Align::Left, true}, {"B", Align::Left, true}}, .rows = {}};
  table.rows.push_back({"top 1", share_text(*classes.accuracy[0]), share_text(*classes.accuracy[1])});
  if (classes.topk_accuracy[0] && classes.topk_accuracy[1])
    table.rows.push_back({"top " + std::to_string(classes.k), share_text(*classes.topk_accuracy[0]),
                          share_text(*classes.topk_accuracy[1])});
  to.lines.table(table);
  std::string pairs = "only A is right " + grouped(classes.only_a_right) + " times, only B " +
                      grouped(classes.only_b_right) + " times";
  if (classes.mcnemar_p) pairs += "; McNemar's exact p " + figure(*classes.mcnemar_p);
  to.lines.paragraph(pairs);
  if (classes.accuracy_difference)
    to.lines.paragraph("B - A: " + points(classes.accuracy_difference->estimate) + " points (" +
                       range(*classes.accuracy_difference, points) + ")");
}

}  // namespace

void add_outputs(const Section& to) {
  const InputCounts counts = count_inputs(to.comparison);
  if (counts.all() == 0) return;
  const Tolerance& tolerance = to.comparison.tolerance;
  std::string finding = counted(counts.all(), "input") + ": " + counts_text(counts);
  if (counts.within + counts.differ > 0)
    finding += " (close: rtol " + figure(tolerance.rtol) + ", atol " + figure(tolerance.atol) + ")";
  to.lines.section("outputs", finding);
  add_paths(to);
  add_structures(to);
  add_worst_inputs(to);
}

void add_classes(const Section& to) {
  if (!to.comparison.classes) return;
  const ClassResult& classes = *to.comparison.classes;
  const Proportion& agreement = classes.top1_agreement;
  if (agreement.count == 0) return;
  to.lines.section("classes", "both rank the same class first on " + share_text(agreement) +
                                  "; of the first " + std::to_string(classes.k) + ", " +
                                  percent(classes.topk_overlap) + " are shared");
  add_accuracy(to, classes);
}

}  // namespace hubcell::compare

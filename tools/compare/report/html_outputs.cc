// What the sides answered: per place of the answers, per input, and what has another form.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kPathsShown = 40;
constexpr std::size_t kStructuresShown = 20;
constexpr std::size_t kRemarksShown = 10;

std::string place(const std::string& path) {
  return path.empty() ? "the answer" : path;
}

std::string of(std::uint64_t part, std::uint64_t all) {
  return grouped(part) + " / " + grouped(all);
}

// "3 NaN in B", or nothing.
std::string special_text(const PathSummary& path) {
  std::string text;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto add = [&](std::uint64_t count, const char* what) {
      if (count > 0) text += (text.empty() ? "" : ", ") + grouped(count) + " " + what + " in " + letter(side);
    };
    add(path.nan.at(side), "NaN");
    add(path.infinite.at(side), "infinite");
  }
  return text;
}

// Where they are not the same on both sides, or not of all inputs.
std::string dtype_text(const PathSummary& path) {
  const std::string a = text::brief(path.dtype[0], 20), b = text::brief(path.dtype[1], 20);
  if (path.dtype[0] != path.dtype[1]) return a + " in A, " + b + " in B";
  return path.mixed ? "not the same for all inputs" : "";
}

// What is the case at few places only.
void add_remarks(Html& html, const std::vector<PathSummary>& paths) {
  const auto add_all = [&](const char* term, auto remark) {
    std::size_t shown = 0;
    for (const PathSummary& path : paths) {
      const std::string text = remark(path);
      if (text.empty() || ++shown > kRemarksShown) continue;
      html.leaf("dt", term).leaf("dd", text::brief(place(path.path)) + ": " + text);
    }
    if (shown > kRemarksShown)
      html.leaf("dt", term).leaf("dd", "and at " + grouped(shown - kRemarksShown) + " more places");
  };
  const auto has_remark = [](const PathSummary& path) {
    return !special_text(path).empty() || !dtype_text(path).empty();
  };
  if (std::ranges::none_of(paths, has_remark)) return;
  html.open("dl", {{"class", "facts small"}});
  add_all("Not finite", special_text);
  add_all("dtypes", dtype_text);
  html.close();
}

std::vector<PageCell> path_row(const PathSummary& path) {
  return {name_cell(place(path.path)),
          number_cell(of(path.equal, path.inputs), static_cast<double>(path.equal)),
          number_cell(of(path.within, path.inputs), static_cast<double>(path.within)),
          figure_cell(path.max_abs),
          figure_cell(path.mean_abs),
          figure_cell(path.max_rel),
          path.max_ulp ? figure_cell(static_cast<double>(*path.max_ulp)) : number_cell("–", -1),
          path.least_cosine ? number_cell(cosine_distance(*path.least_cosine), 1 - *path.least_cosine)
                            : number_cell("–", -1)};
}

void add_paths(Html& html, const Comparison& comparison) {
  using enum PageCell::Kind;
  const std::vector<PathSummary> paths = sum_up_paths(comparison);
  PageTable table{.caption = "Where in the answers",
                  .note =
                      "Over all inputs. Relative differences are |b − a| / max(|a|, |b|); ULP counts the "
                      "representable numbers between two.",
                  .columns = {{"Place", Name, ""},
                              {"Equal", Number, ""},
                              {"Close", Number, ""},
                              {"Max |b − a|", Number, ""},
                              {"Mean", Number, ""},
                              {"Max relative", Number, ""},
                              {"Max ULP", Number, ""},
                              {"1 − cosine", Number, ""}},
                  .rows = {},
                  .all = paths.size(),
                  .is_sortable = true};
  for (std::size_t i = 0; i < paths.size() && i < kPathsShown; ++i)
    table.rows.push_back(path_row(paths[i]));
  add_table(html, table);
  add_remarks(html, paths);
}

void add_structures(Html& html, const Comparison& comparison) {
  using enum PageCell::Kind;
  PageTable table{.caption = "Answers of another form",
                  .note = "",
                  .columns = {{"Input", Name, ""}, {"Place", Name, ""}, {"A", Words, "a"}, {"B", Words, "b"}},
                  .rows = {},
                  .all = 0,
                  .is_sortable = false};
  for (const InputResult& input : comparison.inputs) {
    if (!input.difference) continue;
    for (const StructureDifference& difference : input.difference->structure)
      if (++table.all <= kStructuresShown)
        table.rows.push_back({name_cell(input.name),
                              name_cell(place(difference.path)),
                              {difference.a, Words, {}},
                              {difference.b, Words, {}}});
  }
  add_table(html, table);
}

Mark mark_of(const InputResult& input) {
  const std::string name = text::brief(input.name, 60);
  if (!input.answered()) return {Mark::Kind::Failed, 0, name + ": failed"};
  if (!input.difference || input.difference->equal()) return {Mark::Kind::Equal, 0, name + ": equal"};
  const double distance = distance_of(input);
  const bool is_within = input.difference->within();
  const std::string what = input.difference->structure.empty() ? figure(distance) : "another structure";
  return {is_within ? Mark::Kind::Within : Mark::Kind::Differs, distance,
          name + ": " + what + (is_within ? ", within tolerance" : "")};
}

void add_input_plot(Html& html, const Comparison& comparison, const InputCounts& counts) {
  OrderedMarks marks{
      .plot = {.caption = "How far apart, input by input",
               .note = "The largest difference of any element, on a logarithmic axis.",
               .finding = "Of " + counted(counts.all(), "input") + ": " + counts_text(counts) + ".",
               .height = 260},
      .of_axis = "max |b − a|",
      .in_order = counted(comparison.inputs.size(), "input") + ", in order",
      .marks = {},
      .first = {},
      .first_name = ""};
  for (const InputResult& input : comparison.inputs)
    marks.marks.push_back(mark_of(input));
  add_ordered_marks(html, std::move(marks));
}

std::vector<std::string> findings_of(const Comparison& comparison, const InputCounts& counts) {
  std::vector<std::string> findings;
  if (counts.differ + counts.within + counts.failed == 0) {
    findings.push_back("All " + counted(counts.all(), "answer") + " are equal, element by element.");
    return findings;
  }
  findings.push_back("Of " + counted(counts.all(), "input") + ", " + counts_text(counts) + ".");
  if (counts.structure > 0)
    findings.push_back("The answers to " + grouped(counts.structure) + " have another structure.");
  const std::vector<std::size_t> worst = worst_inputs(comparison);
  const auto answered =
      std::ranges::find_if(worst, [&](std::size_t i) { return comparison.inputs[i].answered(); });
  if (answered != worst.end() && counts.structure == 0)
    findings.push_back("They lie farthest apart on " + text::brief(comparison.inputs[*answered].name, 60) +
                       ": by " + figure(distance_of(comparison.inputs[*answered])) + ".");
  return findings;
}

}  // namespace

bool has_outputs(const Comparison& comparison) {
  return count_inputs(comparison).all() > 0;
}

void add_outputs(Html& html, const Comparison& comparison) {
  const InputCounts counts = count_inputs(comparison);
  const PageSection section(html, "outputs", "Answers", findings_of(comparison, counts));
  if (counts.differ + counts.within + counts.failed > 0) add_input_plot(html, comparison, counts);
  add_structures(html, comparison);
  if (counts.differ + counts.within > 0) add_paths(html, comparison);
  add_inputs(html, comparison);
}

}  // namespace hubcell::compare

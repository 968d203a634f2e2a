// What lies inside the sides: where the difference begins among the modules, and which weights changed.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kModulesShown = 60;
constexpr std::size_t kWeightsShown = 40;
constexpr std::size_t kNamesShown = 12;

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  const std::size_t shown = std::min(names.size(), kNamesShown);
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : ", ") + text::brief(names[i], 40);
  return names.size() > shown ? text + " and " + grouped(names.size() - shown) + " more" : text;
}

std::string notes_text(const std::vector<std::string>& notes) {
  std::string text;
  const std::size_t shown = std::min(notes.size(), kNamesShown);
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : "; ") + notes[i];
  return notes.size() > shown ? text + "; and " + grouped(notes.size() - shown) + " more" : text;
}

Mark mark_of(const ModuleDifference& module) {
  const std::string name = text::brief(name_of(module), 60);
  if (!differs(module)) return {Mark::Kind::Equal, 0, name + ": equal"};
  const double distance = distance_of(module.worst->max_abs());
  return {module.worst->within() ? Mark::Kind::Within : Mark::Kind::Differs, distance,
          name + ": " + figure(distance)};
}

std::string type_text(const ModuleDifference& module) {
  const std::string a = text::brief(module.type[0], 30), b = text::brief(module.type[1], 30);
  return a == b ? a : (a.empty() ? "–" : a) + " and " + (b.empty() ? "–" : b);
}

void add_module_plot(Html& html, const TraceResult& trace, const std::string& finding) {
  OrderedMarks marks{
      .plot = {.caption = "The difference on its way through the model",
               .note = "The largest difference of each module’s output, in the order in which modules end." +
                       (trace.input.empty() ? "" : " Seen with " + text::brief(trace.input, 40) + "."),
               .finding = finding,
               .height = 260},
      .of_axis = "max |b − a|",
      .in_order = "",
      .marks = {},
      .first = {},
      .first_name = ""};
  for (std::size_t i = 0; i < trace.modules.size(); ++i) {
    if (!trace.modules[i].worst) continue;
    if (has_first(trace) && i == *trace.first) {
      marks.first = marks.marks.size();
      marks.first_name = "first: " + text::brief(name_of(trace.modules[i]), 60);
    }
    marks.marks.push_back(mark_of(trace.modules[i]));
  }
  marks.in_order = counted(marks.marks.size(), "module") + ", in order";
  add_ordered_marks(html, std::move(marks));
}

// From the first that differs on: what came before is equal.
void add_module_table(Html& html, const TraceResult& trace) {
  using enum PageCell::Kind;
  PageTable table{.caption = "Modules from the first difference on",
                  .note = "",
                  .columns = {{"Module", Name, ""},
                              {"Type", Words, ""},
                              {"Max |b − a|", Number, ""},
                              {"Mean", Number, ""},
                              {"Max relative", Number, ""},
                              {"1 − cosine", Number, ""}},
                  .rows = {},
                  .all = 0,
                  .is_sortable = true};
  for (std::size_t i = 0; i < trace.modules.size(); ++i) {
    const ModuleDifference& module = trace.modules[i];
    const TensorDifference* tensor = module.worst ? worst_tensor(*module.worst) : nullptr;
    if (!differs(module) || ++table.all > kModulesShown) continue;
    std::vector<PageCell> row = {name_cell(name_of(module)), {type_text(module), Words, {}}};
    row.push_back(module.worst ? figure_cell(module.worst->max_abs()) : number_cell("–", -1));
    row.push_back(tensor ? figure_cell(tensor->mean_abs) : number_cell("–", -1));
    row.push_back(tensor ? figure_cell(tensor->max_rel) : number_cell("–", -1));
    row.push_back(tensor && tensor->cosine
                      ? number_cell(cosine_distance(*tensor->cosine), 1 - *tensor->cosine)
                      : number_cell("–", -1));
    table.rows.push_back(std::move(row));
  }
  add_table(html, table);
}

void add_missing_modules(Html& html, const TraceResult& trace) {
  std::vector<std::string> notes;
  for (const ModuleDifference& module : trace.modules)
    if (!module.note.empty())
      notes.push_back(text::brief(name_of(module), 40) + ": " + text::brief(module.note, 60));
  if (trace.only[0].empty() && trace.only[1].empty() && trace.silent.empty() && notes.empty()) return;
  html.open("dl", {{"class", "facts small"}});
  for (std::size_t side = 0; side < 2; ++side)
    if (!trace.only.at(side).empty())
      html.leaf("dt", std::string("Only in ") + letter(side))
          .leaf("dd", names_text(trace.only.at(side)), {{"class", "mono"}});
  if (!notes.empty()) html.leaf("dt", "Not compared, or not wholly").leaf("dd", notes_text(notes));
  if (!trace.silent.empty())
    html.leaf("dt", "Nothing seen of").leaf("dd", names_text(trace.silent), {{"class", "mono"}});
  html.close();
}

std::string trace_finding(const TraceResult& trace) {
  const auto [compared, different] = count_modules(trace);
  if (compared == 0) return trace.note.empty() ? "No module was compared." : sentence(trace.note);
  const std::string all = counted(compared, "module");
  if (!has_first(trace)) return "No output of " + all + " differs.";
  return "The difference begins in " + text::brief(name_of(trace.modules[*trace.first]), 60) +
         place_in_first(trace) + ". " + grouped(different) + " of " + all + " differ.";
}

Mark mark_of(const WeightDifference& weight) {
  const std::string name = text::brief(weight.name, 60);
  switch (weight.change) {
    case WeightChange::Equal:
      return {Mark::Kind::Equal, 0, name + ": equal"};
    case WeightChange::Changed:
      return {Mark::Kind::Differs, distance_of(weight.relative_norm),
              name + ": " + figure(weight.relative_norm)};
    case WeightChange::OnlyA:
      return {Mark::Kind::Failed, 0, name + ": only in A"};
    case WeightChange::OnlyB:
      return {Mark::Kind::Failed, 0, name + ": only in B"};
    case WeightChange::Reshaped:
      return {Mark::Kind::Failed, 0, name + ": of another shape"};
  }
  return {};
}

std::string change_text(const WeightDifference& weight) {
  switch (weight.change) {
    case WeightChange::Equal:
      return "equal";
    case WeightChange::Changed:
      return weight.dtype[0] == weight.dtype[1]
                 ? "values"
                 : text::brief(weight.dtype[0], 16) + " → " + text::brief(weight.dtype[1], 16);
    case WeightChange::OnlyA:
      return "only in A";
    case WeightChange::OnlyB:
      return "only in B";
    case WeightChange::Reshaped:
      return "shape";
  }
  return "";
}

std::string shape_text(const WeightDifference& weight) {
  if (weight.change == WeightChange::OnlyB) return sizes(weight.shape[1]);
  if (weight.change == WeightChange::Reshaped) return sizes(weight.shape[0]) + " → " + sizes(weight.shape[1]);
  return sizes(weight.shape[0]);
}

void add_weight_table(Html& html, const WeightsResult& weights, const std::vector<std::size_t>& changed) {
  using enum PageCell::Kind;
  PageTable table{.caption = "Weights that are not equal",
                  .note = "Relative change is ‖b − a‖ / ‖a‖.",
                  .columns = {{"Name", Name, ""},
                              {"Shape", Words, ""},
                              {"What", Words, ""},
                              {"Relative change", Number, ""},
                              {"Max |b − a|", Number, ""},
                              {"Elements", Number, ""}},
                  .rows = {},
                  .all = changed.size(),
                  .is_sortable = true};
  for (std::size_t i = 0; i < changed.size() && i < kWeightsShown; ++i) {
    const WeightDifference& weight = weights.weights[changed[i]];
    const bool is_measured = weight.change == WeightChange::Changed;
    const PageCell none = number_cell("–", -1);
    table.rows.push_back(
        {name_cell(weight.name),
         {shape_text(weight), Words, {}},
         {change_text(weight), Words, {}},
         is_measured ? figure_cell(weight.relative_norm) : none,
         is_measured ? figure_cell(weight.max_abs) : none,
         is_measured ? number_cell(percent(weight.changed_share), weight.changed_share) : none});
  }
  add_table(html, table);
}

std::string weights_finding(const WeightsResult& weights) {
  if (weights.count(WeightChange::Equal) == weights.weights.size())
    return "All " + counted(weights.weights.size(), "tensor") + " are equal.";
  std::string text;
  const auto add = [&](WeightChange change, const char* what) {
    const std::size_t count = weights.count(change);
    if (count > 0) text += (text.empty() ? "" : ", ") + grouped(count) + " " + what;
  };
  add(WeightChange::Equal, "equal");
  add(WeightChange::Changed, "changed");
  add(WeightChange::Reshaped, "of another shape");
  add(WeightChange::OnlyA, "only in A");
  add(WeightChange::OnlyB, "only in B");
  return "Of " + counted(weights.weights.size(), "tensor") + ": " + text + ".";
}

std::string memory_finding(const WeightsResult& weights) {
  const auto both = [](const std::array<std::uint64_t, 2>& counts, auto format) {
    return counts[0] == counts[1] ? format(counts[0]) + " each"
                                  : format(counts[0]) + " in A, " + format(counts[1]) + " in B";
  };
  return "Parameters: " + both(weights.parameters, grouped) + "; " + both(weights.bytes, bytes) +
         (weights.common_bytes > 0
              ? ". The workers have " + bytes(weights.common_bytes) + " of them in one memory."
              : ".");
}

}  // namespace

bool has_modules(const Comparison& comparison) {
  return comparison.trace.has_value();
}

void add_modules(Html& html, const Comparison& comparison) {
  const TraceResult& trace = *comparison.trace;
  const std::string finding = trace_finding(trace);
  const bool is_noted = finding == sentence(trace.note);
  const PageSection section(html, "modules", "Modules", {finding, is_noted ? "" : sentence(trace.note)});
  if (std::ranges::any_of(trace.modules, differs)) {
    add_module_plot(html, trace, finding);
    add_module_table(html, trace);
  }
  add_missing_modules(html, trace);
}

bool has_weights(const Comparison& comparison) {
  return comparison.weights && (!comparison.weights->weights.empty() || !comparison.weights->note.empty());
}

void add_weights(Html& html, const Comparison& comparison) {
  const WeightsResult& weights = *comparison.weights;
  if (weights.weights.empty()) {
    const PageSection section(html, "weights", "Weights", {sentence(weights.note)});
    return;
  }
  const PageSection section(html, "weights", "Weights",
                            {weights_finding(weights), memory_finding(weights), sentence(weights.note)});
  const std::vector<std::size_t> changed = changed_weights(weights);
  if (changed.empty()) return;
  OrderedMarks marks{.plot = {.caption = "How much each tensor changed",
                              .note = "‖b − a‖ / ‖a‖ on a logarithmic axis, in the order of the state dict. "
                                      "",
                              .finding = weights_finding(weights),
                              .height = 250},
                     .of_axis = "relative change",
                     .in_order = counted(weights.weights.size(), "tensor") + ", in order",
                     .marks = {},
                     .first = {},
                     .first_name = "",
                     .failed_label = "no pair",
                     .failed_words = "on one side alone, or of another shape"};
  for (const WeightDifference& weight : weights.weights)
    marks.marks.push_back(mark_of(weight));
  add_ordered_marks(html, std::move(marks));
  add_weight_table(html, weights, changed);
}

}  // namespace hubcell::compare

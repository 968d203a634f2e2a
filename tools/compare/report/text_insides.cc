// What lies inside the sides: their modules and their weights.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_sections.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kModulesShown = 8;
constexpr std::size_t kNamesShown = 4;
constexpr std::size_t kWeightsShown = 5;
constexpr std::size_t kNotesShown = 3;

std::string type_of(const ModuleDifference& module) {
  return module.type[0] == module.type[1] ? module.type[0] : module.type[0] + ", " + module.type[1];
}

std::vector<Cell> module_row(const ModuleDifference& module) {
  const TensorDifference* tensor = worst_tensor(*module.worst);
  return {name_of(module),
          type_of(module),
          figure(module.worst->max_abs()),
          tensor == nullptr ? "-" : figure(tensor->mean_abs),
          tensor == nullptr ? "-" : figure(tensor->max_rel),
          tensor == nullptr || !tensor->cosine ? "-" : cosine_distance(*tensor->cosine)};
}

// The first and the last steps; how many lie between them.
void add_steps(const Section& to, const TraceResult& trace) {
  const std::vector<std::size_t> steps = growing_modules(trace);
  if (steps.empty()) return;
  Table table{.columns = {{"it grows at", Align::Left, true},
                          {"type", Align::Left, true},
                          {"max |b-a|", Align::Right},
                          {"mean", Align::Right},
                          {"max rel", Align::Right},
                          {"1-cos", Align::Right}},
              .rows = {}};
  const std::size_t shown = std::min(steps.size(), to.rows(kModulesShown));
  const std::size_t head = (shown + 1) / 2;
  for (std::size_t i = 0; i < head; ++i)
    table.rows.push_back(module_row(trace.modules[steps[i]]));
  if (steps.size() > shown)
    table.rows.push_back({{"… " + grouped(steps.size() - shown) + " more …", Tone::Faint}});
  for (std::size_t i = steps.size() - (shown - head); i < steps.size(); ++i)
    table.rows.push_back(module_row(trace.modules[steps[i]]));
  to.lines.table(table);
}

std::string trace_finding(const TraceResult& trace) {
  const auto [compared, different] = count_modules(trace);
  if (compared == 0) return trace.note.empty() ? "no module was compared" : trace.note;
  if (!has_first(trace)) return "no output of " + counted(compared, "module") + " differs";
  const ModuleDifference& first = trace.modules[*trace.first];
  return "first in " + text::brief(name_of(first)) +
         (first.type[0].empty() ? "" : " (" + text::brief(first.type[0], 30) + ")") + place_in_first(trace) +
         "; " + grouped(different) + " of " + grouped(compared) + " modules that ran differ";
}

void add_module_notes(const Section& to, const TraceResult& trace) {
  for (std::size_t side = 0; side < 2; ++side)
    if (!trace.only.at(side).empty())
      to.lines.paragraph((side == 0 ? "only in A: " : "only in B: ") +
                         list_text(trace.only.at(side), to.rows(kNamesShown)));
  std::size_t notes = 0;
  for (const ModuleDifference& module : trace.modules) {
    if (module.note.empty() || ++notes > to.rows(kNotesShown)) continue;
    to.lines.paragraph(text::brief(name_of(module)) + ": " + module.note, Tone::Plain, 2);
  }
  add_rest(to, notes, to.rows(kNotesShown));
  if (!trace.silent.empty())
    to.lines.paragraph("nothing seen of: " + list_text(trace.silent, to.rows(kNamesShown)), Tone::Faint);
}

std::string weights_finding(const WeightsResult& weights) {
  std::string text = weights.count(WeightChange::Equal) == weights.weights.size() ? "all equal" : "";
  const auto add = [&](WeightChange change, const std::string& what) {
    const std::size_t count = weights.count(change);
    if (count > 0) text += (text.empty() ? "" : ", ") + grouped(count) + " " + what;
  };
  add(WeightChange::Changed, "changed");
  add(WeightChange::Reshaped, "of another shape");
  add(WeightChange::OnlyA, "only in A");
  add(WeightChange::OnlyB, "only in B");
  return counted(weights.weights.size(), "tensor") + ": " + text;
}

std::string both(const std::array<std::uint64_t, 2>& values, std::string (*format)(std::uint64_t)) {
  return values[0] == values[1] ? format(values[0]) + " each"
                                : format(values[0]) + " in A, " + format(values[1]) + " in B";
}

std::vector<Cell> weight_row(const WeightDifference& weight) {
  switch (weight.change) {
    case WeightChange::OnlyA:
      return {weight.name, sizes(weight.shape[0]), "only in A", "", ""};
    case WeightChange::OnlyB:
      return {weight.name, sizes(weight.shape[1]), "only in B", "", ""};
    case WeightChange::Reshaped:
      return {weight.name, sizes(weight.shape[0]) + " to " + sizes(weight.shape[1]), "reshaped", "", ""};
    default:
      break;
  }
  return {weight.name, sizes(weight.shape[0]), figure(weight.relative_norm), figure(weight.max_abs),
          percent(weight.changed_share)};
}

}  // namespace

void add_modules(const Section& to) {
  if (!to.comparison.trace) return;
  const TraceResult& trace = *to.comparison.trace;
  to.lines.section("where", trace_finding(trace));
  add_steps(to, trace);
  add_module_notes(to, trace);
  const std::string input = trace.input.empty() ? "" : "seen with " + text::brief(trace.input);
  if (!input.empty() && to.verbose) to.lines.paragraph(input, Tone::Faint);
  if (!trace.note.empty() && trace_finding(trace) != trace.note) to.lines.paragraph(trace.note, Tone::Faint);
}

void add_weights(const Section& to) {
  if (!to.comparison.weights) return;
  const WeightsResult& weights = *to.comparison.weights;
  if (weights.weights.empty()) {
    if (!weights.note.empty()) to.lines.section("weights", weights.note);
    return;
  }
  to.lines.section("weights", weights_finding(weights));
  to.lines.paragraph("parameters: " + both(weights.parameters, grouped) +
                     "; bytes: " + both(weights.bytes, bytes) +
                     (weights.common_bytes > 0 ? "; " + bytes(weights.common_bytes) + " in one memory" : ""));
  const std::vector<std::size_t> changed = changed_weights(weights);
  if (!changed.empty()) {
    Table table{.columns = {{"most changed", Align::Left, true},
                            {"shape", Align::Left, true},
                            {"|b-a|/|a|", Align::Right},
                            {"max |b-a|", Align::Right},
                            {"elements", Align::Right}},
                .rows = {}};
    const std::size_t shown = std::min(changed.size(), to.rows(kWeightsShown));
    for (std::size_t i = 0; i < shown; ++i)
      table.rows.push_back(weight_row(weights.weights[changed[i]]));
    to.lines.table(table);
    add_rest(to, changed.size(), shown);
  }
  if (!weights.note.empty()) to.lines.paragraph(weights.note, Tone::Faint);
}

}  // namespace hubcell::compare

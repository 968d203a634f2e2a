#include <hubcell/report.h>

#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_layout.h"
#include "tools/compare/report/text_sections.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kColumnsMin = 60, kColumnsMax = 400;
constexpr std::size_t kWarningsShown = 5;

Tone tone_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Failed:
      return Tone::Bad;
    case Outcome::Equal:
    case Outcome::Within:
      return Tone::Good;
    default:
      return Tone::Strong;
  }
}

void add_verdict(const Section& to) {
  const Verdict verdict = verdict_of(to.comparison);
  std::vector<std::string> clauses = verdict.clauses;
  clauses.insert(clauses.begin(), verdict.headline);
  to.lines.headline(clauses, tone_of(verdict.outcome));
  if (to.comparison.interrupted)
    to.lines.paragraph("Interrupted: what was not found out by then is left out.", Tone::Bad);
}

void add_warnings(const Section& to) {
  const std::vector<std::string>& warnings = to.comparison.warnings;
  if (warnings.empty()) return;
  to.lines.section("notes", counted(warnings.size(), "warning"));
  const std::size_t shown = std::min(warnings.size(), to.rows(kWarningsShown));
  for (std::size_t i = 0; i < shown; ++i)
    to.lines.paragraph(warnings[i], Tone::Plain, 3);
  add_rest(to, warnings.size(), shown);
}

void add_origin(const Section& to) {
  const Comparison& comparison = to.comparison;
  if (!to.verbose || comparison.time == 0) return;
  to.lines.section("made", date_and_time(comparison.time) +
                               (comparison.machine.empty() ? "" : ", on " + comparison.machine));
  if (!comparison.command.empty()) to.lines.paragraph(comparison.command);
}

}  // namespace

std::string to_text(const Comparison& comparison, const TextOptions& options) {
  const std::size_t columns = std::clamp(options.columns, kColumnsMin, kColumnsMax);
  TextLines lines(columns, options.colours ? text::Style::coloured() : text::Style::plain());
  const Section section{lines, comparison, options.verbose};
  add_verdict(section);
  add_failures(section);
  add_warnings(section);
  add_sides(section);
  add_outputs(section);
  add_classes(section);
  add_modules(section);
  add_weights(section);
  add_speed(section);
  add_code(section);
  add_origin(section);
  return lines.take();
}

}  // namespace hubcell::compare

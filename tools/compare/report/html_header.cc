// The top of the page: who was compared, the verdict, and its figures; and the foot: how to do it again.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kFailuresShown = 5;
constexpr std::size_t kWarningsShown = 6;
constexpr std::size_t kIdDigits = 12;

void add_side(Html& html, const Comparison& comparison, std::size_t side) {
  const Side& shown = comparison.sides.at(side);
  html.open("div", {{"class", "side"}});
  add_badge(html, side);
  html.open("p").leaf("code", text::brief(shown.name, 120));
  std::string beside = shown.info.commit.empty() ? "" : "commit " + shown.info.commit.substr(0, kIdDigits);
  if (!shown.failure.empty()) beside = "did not load";
  if (!beside.empty()) html.empty("br").leaf("span", beside, {{"class", "muted small"}});
  html.close().close();
}

struct Card {
  std::string title, value, note, target;
};

Card answers_card(const Comparison& comparison, const Verdict& verdict) {
  const InputCounts counts = count_inputs(comparison);
  const std::string all = counted(counts.all(), "input");
  switch (verdict.outcome) {
    case Outcome::Equal:
      return {"Answers", "Equal", "on all of " + all, "outputs"};
    case Outcome::Within:
      return {"Answers", "Within tolerance", counts_text(counts), "outputs"};
    case Outcome::Nothing:
      return {"Answers", "None", "no input was compared", ""};
    default:
      break;
  }
  if (counts.all() == 0) return {"Answers", "None", "a side did not load", ""};
  std::string note = counts_text(counts);
  if (counts.structure > 0) note = grouped(counts.structure) + " of another structure";
  if (counts.differ == counts.all() && counts.structure == 0)
    note = "max |b − a| " + figure(largest_difference(comparison));
  return {"Answers", grouped(counts.differ) + " of " + grouped(counts.all()) + " differ", note, "outputs"};
}

Card modules_card(const TraceResult& trace) {
  const std::uint64_t different = count_modules(trace).differ;
  if (has_first(trace))
    return {"First module to differ", text::brief(name_of(trace.modules[*trace.first]), 40),
            grouped(different) + " of " + counted(trace.modules.size(), "module") + " differ", "modules"};
  return {"Modules", different == 0 && !trace.modules.empty() ? "None differs" : "Not compared", trace.note,
          "modules"};
}

Card speed_card(const Comparison& comparison) {
  const SpeedResult& speed = *comparison.speed;
  const Interval& ratio = speed.ratio;
  const std::string note = level(comparison.confidence) + ": ";
  if (!speed.differs())
    return {"Speed", "No difference seen",
            "B / A " + range(ratio, figure) + " (" + level(comparison.confidence) + ")", "speed"};
  const bool is_slower = ratio.low > 1;
  const Interval factor = is_slower ? ratio : Interval{1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low};
  return {"Speed", "B is " + figure(factor.estimate) + (is_slower ? "× slower" : "× faster"),
          note + range(factor, figure), "speed"};
}

Card accuracy_card(const ClassResult& classes) {
  const Proportion &a = *classes.accuracy[0], &b = *classes.accuracy[1];
  if (a.hits == b.hits && a.count == b.count)
    return {"Accuracy", percent(a.share.estimate), "the same of both", "classes"};
  return {"Accuracy", "A " + percent(a.share.estimate) + ", B " + percent(b.share.estimate),
          classes.mcnemar_p ? "McNemar’s p " + figure(*classes.mcnemar_p) : "", "classes"};
}

Card weights_card(const WeightsResult& weights) {
  const std::size_t equal = weights.count(WeightChange::Equal), all = weights.weights.size();
  if (equal == all) return {"Weights", "Equal", counted(all, "tensor"), "weights"};
  return {"Weights", grouped(all - equal) + " of " + grouped(all) + " differ", "tensors of the state dict",
          "weights"};
}

std::vector<Card> cards_of(const Comparison& comparison, const Verdict& verdict) {
  std::vector<Card> cards = {answers_card(comparison, verdict)};
  const auto& classes = comparison.classes;
  if (classes && classes->accuracy[0] && classes->accuracy[1]) cards.push_back(accuracy_card(*classes));
  if (comparison.trace && !comparison.trace->modules.empty())
    cards.push_back(modules_card(*comparison.trace));
  if (comparison.speed && !comparison.speed->latency[0].samples.empty())
    cards.push_back(speed_card(comparison));
  if (comparison.weights && !comparison.weights->weights.empty())
    cards.push_back(weights_card(*comparison.weights));
  if (comparison.code && comparison.code->files_changed > 0)
    cards.push_back({"Code", counted(comparison.code->files_changed, "file") + " changed",
                     counted(comparison.code->only_b, "commit") + " only in B", "code"});
  return cards;
}

void add_cards(Html& html, const std::vector<Card>& cards) {
  html.open("dl", {{"class", "cards"}});
  for (const Card& card : cards) {
    html.open("div").open("dt");
    if (card.target.empty()) {
      html.text(card.title);
    } else {
      html.leaf("a", card.title, {{"href", "#" + card.target}});
    }
    html.close().leaf("dd", card.value, {{"class", "value"}});
    if (!card.note.empty()) html.leaf("dd", text::brief(card.note, 90), {{"class", "note"}});
    html.close();
  }
  html.close();
}

void add_failure(Html& html, std::size_t side, const std::string& where, const std::string& message) {
  html.open("p");
  add_badge(html, side);
  html.text(" " + (where.empty() ? where : where + ": ") + text::brief(message, 500)).close();
}

void add_failures(Html& html, const Comparison& comparison) {
  if (!comparison.failed()) return;
  html.open("section", {{"class", "alert"}, {"aria-labelledby", "failures"}})
      .leaf("h2", "What failed", {{"id", "failures"}});
  std::size_t failed = 0;
  for (std::size_t side = 0; side < 2; ++side)
    if (!comparison.sides.at(side).failure.empty())
      add_failure(html, side, "", comparison.sides.at(side).failure);
  for (const InputResult& input : comparison.inputs)
    for (std::size_t side = 0; side < 2; ++side)
      if (!input.failure.at(side).empty() && ++failed <= kFailuresShown)
        add_failure(html, side, text::brief(input.name), input.failure.at(side));
  if (failed > kFailuresShown) html.leaf("p", "and " + grouped(failed - kFailuresShown) + " more");
  html.close();
}

void add_warnings(Html& html, const Comparison& comparison) {
  std::vector<std::string> notes = comparison.warnings;
  const std::size_t all = notes.size();
  if (notes.size() > kWarningsShown) notes.resize(kWarningsShown);
  if (comparison.interrupted)
    notes.insert(notes.begin(),
                 "The comparison was interrupted: what was not found out by then is left out.");
  if (notes.empty()) return;
  html.open("section", {{"class", "alert notice"}, {"aria-labelledby", "notes"}})
      .leaf("h2", "To be kept in mind", {{"id", "notes"}});
  for (const std::string& note : notes)
    html.leaf("p", sentence(note));
  if (all > kWarningsShown) html.leaf("p", "and " + grouped(all - kWarningsShown) + " more");
  html.close();
}

}  // namespace

void add_header(Html& html, const Comparison& comparison) {
  const Verdict verdict = verdict_of(comparison);
  const Side &a = comparison.sides[0], &b = comparison.sides[1];
  html.open("header", {{"class", "masthead"}});
  html.leaf("p", "A comparison of two models", {{"class", "kicker"}});
  const std::string entry = text::brief(a.entry, 60);
  html.leaf("h1", entry + (a.entry == b.entry ? "" : " and " + text::brief(b.entry, 60)) + ": " +
                      text::brief(a.label, 40) + " and " + text::brief(b.label, 40));
  const std::size_t colon = verdict.headline.find(':');
  html.open("p", {{"class", "verdict"}});
  std::string word = colon == std::string::npos ? verdict.headline : verdict.headline.substr(0, colon);
  word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
  html.leaf("strong", word);
  if (colon != std::string::npos) html.text(typeset(verdict.headline.substr(colon)));
  for (const std::string& clause : verdict.clauses)
    html.text("; " + text::brief(typeset(clause), 160));
  html.text(".").close();
  html.open("div", {{"class", "sides"}});
  add_side(html, comparison, 0);
  add_side(html, comparison, 1);
  html.close();
  add_failures(html, comparison);
  add_warnings(html, comparison);
  add_cards(html, cards_of(comparison, verdict));
  html.close();
}

void add_footer(Html& html, const Comparison& comparison) {
  html.open("footer").open("div", {{"class", "rule"}});
  if (!comparison.command.empty()) {
    html.leaf("p", "To compare them again:");
    html.leaf("code", text::brief(comparison.command, 900), {{"class", "command"}});
  }
  std::string made = comparison.time == 0 ? "" : "Made on " + date_and_time(comparison.time);
  if (!comparison.machine.empty())
    made += (made.empty() ? "On " : ", on ") + text::brief(comparison.machine, 120);
  if (!made.empty()) html.leaf("p", made + ".");
  html.leaf("p", "Differences are B − A, ratios B / A. Answers count as within tolerance where |b − a| ≤ " +
                     figure(comparison.tolerance.atol) + " + " + figure(comparison.tolerance.rtol) +
                     " × |a| for every element. Intervals are at a level of " + level(comparison.confidence) +
                     ".");
  html.leaf("p", "This page is complete in itself: it loads nothing.");
  html.close().close();
}

}  // namespace hubcell::compare

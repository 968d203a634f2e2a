// The inputs on which the sides differ most: what they are, and what each side said to them.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/picture.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

// Each may bring a picture of 50 KiB.
constexpr std::size_t kInputsShown = 8;
constexpr std::size_t kClassesShown = 3;

void add_preview(Html& html, const InputResult& input) {
  const std::string name = text::brief(input.name, 60);
  html.open("div", {{"class", "preview"}});
  const std::string address = picture_address(input.preview);
  if (!address.empty()) {
    html.empty("img", {{"src", Whole{address}}, {"alt", "The input " + name}});
  } else if (input.preview.kind == Preview::Kind::Series) {
    add_series(html, input.preview, "The input " + name + ", " + figure(input.preview.length) + " values");
  }
  html.close();
}

void add_classes_table(Html& html, const InputResult& input) {
  if (!input.ranking[0] || !input.ranking[1]) return;
  const auto shown = [](const Ranking& ranking) {
    return std::min({ranking.best.size(), ranking.scores.size(), kClassesShown});
  };
  const std::size_t count = std::max(shown(*input.ranking[0]), shown(*input.ranking[1]));
  if (count == 0) return;
  html.open("table").leaf("caption", "The classes ranked highest for " + text::brief(input.name),
                          {{"class", "unseen"}});
  html.open("thead").open("tr").leaf("th", "Rank", {{"scope", "col"}});
  for (std::size_t side = 0; side < 2; ++side)
    html.leaf("th", std::string(letter(side)) + ": class",
              {{"scope", "col"}, {"class", std::string("number ") + tone(side)}})
        .leaf("th", "score", {{"scope", "col"}, {"class", "number"}});
  html.close().close().open("tbody");
  for (std::size_t i = 0; i < count; ++i) {
    html.open("tr").leaf("th", std::to_string(i + 1), {{"scope", "row"}});
    for (const auto& ranking : input.ranking) {
      const bool is_there = i < shown(*ranking);
      html.leaf("td", is_there ? std::to_string(ranking->best[i]) : "–", {{"class", "number"}});
      html.leaf("td", is_there ? figure(ranking->scores[i]) : "–", {{"class", "number"}});
    }
    html.close();
  }
  html.close().close();
  if (input.label) html.leaf("p", "Right: class " + std::to_string(*input.label), {{"class", "muted small"}});
}

void add_farthest(Html& html, const ValueDifference& difference) {
  const TensorDifference* tensor = worst_tensor(difference);
  if (!difference.structure.empty() || tensor == nullptr) {
    html.leaf("p", "The answers have another structure.", {{"class", "small"}});
    return;
  }
  html.open("p", {{"class", "small"}}).text(figure(tensor->max_abs) + " apart at ");
  html.leaf("code", text::brief(tensor->path + (tensor->worst.empty() ? "" : sizes(tensor->worst)), 60));
  html.text(": A " + figure(tensor->worst_values[0]) + ", B " + figure(tensor->worst_values[1])).close();
}

void add_input(Html& html, const InputResult& input) {
  html.open("li").leaf("h4", text::brief(input.name, 60));
  if (!input.summary.empty()) html.leaf("p", text::brief(input.summary, 80), {{"class", "muted small"}});
  if (input.preview.kind != Preview::Kind::None) add_preview(html, input);
  for (std::size_t side = 0; side < 2; ++side)
    if (!input.failure.at(side).empty())
      html.leaf("p", std::string(letter(side)) + " failed: " + text::brief(input.failure.at(side), 200),
                {{"class", "bad small"}});
  if (input.answered() && input.difference) add_farthest(html, *input.difference);
  add_classes_table(html, input);
  html.close();
}

}  // namespace

void add_inputs(Html& html, const Comparison& comparison) {
  const std::vector<std::size_t> worst = worst_inputs(comparison);
  if (worst.empty()) return;
  const std::size_t shown = std::min(worst.size(), kInputsShown);
  html.open("div").leaf("h3", shown == worst.size() ? "The inputs on which they are not equal"
                                                    : "The inputs on which they differ most");
  html.open("ul", {{"class", "inputs"}});
  for (std::size_t i = 0; i < shown; ++i)
    add_input(html, comparison.inputs[worst[i]]);
  html.close();
  if (worst.size() > shown)
    html.leaf("p", "and " + counted(worst.size() - shown, "more input"), {{"class", "muted small"}});
  html.close();
}

}  // namespace hubcell::compare

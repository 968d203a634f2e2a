// How quick the sides are, and what they need.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

bool is_measured(const SpeedResult& speed) {
  return !speed.latency[0].samples.empty() && !speed.latency[1].samples.empty();
}

std::string ratio_text(const SpeedResult& speed) {
  return figure(speed.ratio.estimate) + " (" + range(speed.ratio, figure) + ")";
}

std::string speed_finding(const Comparison& comparison) {
  const SpeedResult& speed = *comparison.speed;
  return "B takes " + figure(speed.ratio.estimate) + "× as long as A (" + level(comparison.confidence) +
         ": " + range(speed.ratio, figure) + ")" +
         (speed.differs() ? ": a real difference on this machine."
                          : ": no difference is seen on this machine.");
}

void add_quantiles(Html& html, const Comparison& comparison) {
  using enum PageCell::Kind;
  const SpeedResult& speed = *comparison.speed;
  PageTable table{.caption = "Time of a call",
                  .note = "In brackets, intervals at " + level(comparison.confidence) + ".",
                  .columns = {{"Quantile", Words, ""},
                              {labelled(comparison, 0), Number, "a"},
                              {labelled(comparison, 1), Number, "b"}},
                  .rows = {},
                  .all = 0,
                  .is_sortable = false};
  const auto cell = [](const Interval& interval) {
    return number_cell(time_text(interval.estimate) + " (" + range(interval, time_text) + ")",
                       interval.estimate);
  };
  const auto add = [&](const char* name, Interval Latency::*quantile) {
    table.rows.push_back(
        {{name, Words, {}}, cell(speed.latency[0].*quantile), cell(speed.latency[1].*quantile)});
  };
  add("Median", &Latency::p50);
  add("90th percentile", &Latency::p90);
  add("99th percentile", &Latency::p99);
  add_table(html, table);
}

std::string memory_text(const Side& side) {
  if (side.info.private_bytes == 0 && side.info.shared_bytes == 0) return "";
  return bytes(side.info.private_bytes) + " of its own, " + bytes(side.info.shared_bytes) + " shared";
}

}  // namespace

bool has_speed(const Comparison& comparison) {
  return comparison.speed && (is_measured(*comparison.speed) || !comparison.speed->note.empty());
}

void add_speed(Html& html, const Comparison& comparison) {
  const SpeedResult& speed = *comparison.speed;
  if (!is_measured(speed)) {
    const PageSection section(html, "speed", "Speed", {sentence("not measured: " + speed.note)});
    return;
  }
  const std::string finding = speed_finding(comparison);
  const PageSection section(html, "speed", "Speed",
                            {finding,
                             counted(speed.latency[0].samples.size(), "call") + " of A and " +
                                 grouped(speed.latency[1].samples.size()) + " of B took turns, in " +
                                 counted(speed.rounds, "round") + ".",
                             sentence(speed.note)});
  add_distributions(
      html, {.plot = {.caption = "How long calls take",
                      .note = "Each outline shows how often a time occurs; both have the same area. Below "
                              "it, the median, the 90th and the 99th percentile with their intervals.",
                      .finding = "Median of A " + time_text(speed.latency[0].p50.estimate) + ", of B " +
                                 time_text(speed.latency[1].p50.estimate) + ".",
                      .height = 0},
             .labels = {labelled(comparison, 0), labelled(comparison, 1)},
             .speed = speed});
  add_intervals(html, {.plot = {.caption = "Time of B / time of A",
                                .note = "Of calls of one round. Left of 1, B is faster; an interval that "
                                        "holds 1 tells no difference.",
                                .finding = finding,
                                .height = 0},
                       .rows = {{"B / A", ratio_text(speed), speed.ratio, "ink"}},
                       .reference = 1,
                       .reference_label = "as fast",
                       .ends = {},
                       .format = figure});
  add_quantiles(html, comparison);
}

void add_sides(Html& html, const Comparison& comparison) {
  using enum PageCell::Kind;
  const PageSection section(html, "sides", "The two sides", {"What was compared, and in what it ran."});
  PageTable table{.caption = "Sides",
                  .note = "",
                  .columns = {{"What", Words, ""},
                              {labelled(comparison, 0), Words, "a"},
                              {labelled(comparison, 1), Words, "b"}},
                  .rows = {},
                  .all = 0,
                  .is_sortable = false};
  const auto add = [&](const char* what, auto get) {
    const std::string a = get(comparison.sides[0]), b = get(comparison.sides[1]);
    if (!a.empty() || !b.empty())
      table.rows.push_back(
          {{what, Words, {}}, {a.empty() ? "–" : a, Words, {}}, {b.empty() ? "–" : b, Words, {}}});
  };
  add("Model", [](const Side& side) { return side.name; });
  add("Entrypoint", [](const Side& side) { return side.entry; });
  add("Commit", [](const Side& side) { return side.info.commit; });
  add("Python", [](const Side& side) { return side.info.python; });
  add("torch", [](const Side& side) { return side.info.torch; });
  add("Sandbox", [](const Side& side) { return side.info.sandbox; });
  add("Loaded in", [](const Side& side) { return side.load_s ? time_text(*side.load_s) : std::string(); });
  add("Memory", memory_text);
  add_table(html, table);
}

}  // namespace hubcell::compare

// Who was compared, what failed, and how quick the sides are.
#include <algorithm>
#include <array>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_sections.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kFailuresShown = 3;
constexpr std::size_t kIdDigits = 12;
constexpr std::array<const char*, 2> kSides = {"A", "B"};

std::string title_of(const Comparison& comparison, std::size_t side) {
  const std::string& label = comparison.sides.at(side).label;
  const char* letter = kSides.at(side);
  return label.empty() || label == letter ? letter : std::string(letter) + "  " + label;
}

struct SideRow {
  const char* label;
  std::array<std::string, 2> values;
  bool always = false;  // also where both sides have the same
};

std::string memory_text(const Side& side) {
  if (side.info.private_bytes == 0 && side.info.shared_bytes == 0) return "";
  return bytes(side.info.private_bytes) + " own, " + bytes(side.info.shared_bytes) + " shared";
}

template <typename Get>
SideRow row_of(const Comparison& comparison, const char* label, bool always, Get get) {
  return {label, {get(comparison.sides[0]), get(comparison.sides[1])}, always};
}

std::vector<SideRow> side_rows(const Comparison& comparison) {
  return {
      row_of(comparison, "model", true, [](const Side& side) { return side.name; }),
      row_of(comparison, "entry", false, [](const Side& side) { return side.entry; }),
      row_of(comparison, "commit", true,
             [](const Side& side) { return side.info.commit.substr(0, kIdDigits); }),
      row_of(comparison, "python", false, [](const Side& side) { return side.info.python; }),
      row_of(comparison, "torch", false, [](const Side& side) { return side.info.torch; }),
      row_of(comparison, "sandbox", false, [](const Side& side) { return side.info.sandbox; }),
      row_of(comparison, "loaded in", true,
             [](const Side& side) { return side.load_s ? seconds(*side.load_s) : std::string(); }),
      row_of(comparison, "memory", true, memory_text),
  };
}

std::string with_interval(const Interval& interval) {
  return seconds(interval.estimate) + " (" + range(interval, seconds) + ")";
}

void add_quantiles(const Section& to, const SpeedResult& speed) {
  Table table{.columns = {{"per call"},
                          {title_of(to.comparison, 0), Align::Left, true},
                          {title_of(to.comparison, 1), Align::Left, true}},
              .rows = {}};
  const auto add = [&](const char* label, Interval Latency::*quantile) {
    table.rows.push_back(
        {label, with_interval(speed.latency[0].*quantile), with_interval(speed.latency[1].*quantile)});
  };
  add("p50", &Latency::p50);
  add("p90", &Latency::p90);
  add("p99", &Latency::p99);
  to.lines.table(table);
}

}  // namespace

void add_rest(const Section& to, std::size_t all, std::size_t shown) {
  if (all > shown) to.lines.paragraph("… and " + grouped(all - shown) + " more", Tone::Faint);
}

std::string list_text(const std::vector<std::string>& names, std::size_t names_max) {
  std::string text;
  const std::size_t shown = std::min(names.size(), names_max);
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : ", ") + text::brief(names[i], 40);
  if (names.size() > shown) text += " and " + grouped(names.size() - shown) + " more";
  return text;
}

void add_failures(const Section& to) {
  for (std::size_t side = 0; side < 2; ++side) {
    const std::string& failure = to.comparison.sides.at(side).failure;
    if (!failure.empty()) to.lines.paragraph(std::string(kSides.at(side)) + ": " + failure, Tone::Bad);
  }
  std::size_t failed = 0;
  for (const InputResult& input : to.comparison.inputs) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (input.failure.at(side).empty() || ++failed > to.rows(kFailuresShown)) continue;
      to.lines.paragraph(
          std::string(kSides.at(side)) + " on " + text::brief(input.name) + ": " + input.failure.at(side),
          Tone::Bad, 3);
    }
  }
  add_rest(to, failed, to.rows(kFailuresShown));
}

void add_sides(const Section& to) {
  const Comparison& comparison = to.comparison;
  Table table{.columns = {{""},
                          {title_of(comparison, 0), Align::Left, true},
                          {title_of(comparison, 1), Align::Left, true}},
              .rows = {}};
  for (const SideRow& row : side_rows(comparison)) {
    const bool is_said = !row.values[0].empty() || !row.values[1].empty();
    const bool differs = row.values[0] != row.values[1];
    if (!is_said || !(differs || row.always || to.verbose)) continue;
    table.rows.push_back({{row.label, Tone::Faint},
                          row.values[0].empty() ? "-" : row.values[0],
                          row.values[1].empty() ? "-" : row.values[1]});
  }
  const bool same = comparison.sides[0].entry == comparison.sides[1].entry;
  to.lines.section("sides", same ? comparison.sides[0].entry : "two entrypoints");
  to.lines.table(table);
}

void add_speed(const Section& to) {
  if (!to.comparison.speed) return;
  const SpeedResult& speed = *to.comparison.speed;
  if (speed.latency[0].samples.empty() || speed.latency[1].samples.empty()) {
    if (!speed.note.empty()) to.lines.section("speed", "not measured: " + speed.note);
    return;
  }
  to.lines.section("speed", "B takes " + times(speed.ratio.estimate) + " as long as A (" +
                                level(to.comparison.confidence) + ": " + range(speed.ratio, figure) + "): " +
                                (speed.differs() ? "a real difference on this machine"
                                                 : "no difference seen on this machine"));
  add_quantiles(to, speed);
  to.lines.paragraph(counted(speed.latency[0].samples.size(), "call") + " of A and " +
                         grouped(speed.latency[1].samples.size()) + " of B in turn, in " +
                         counted(speed.rounds, "round") + "; in brackets, intervals of " +
                         level(to.comparison.confidence),
                     Tone::Faint);
  if (!speed.note.empty()) to.lines.paragraph(speed.note, Tone::Faint);
}

}  // namespace hubcell::compare

// Estimates with their intervals, one below the other, against a value that matters.
#include <algorithm>
#include <cmath>

#include "tools/compare/report/plots.h"
#include "tools/compare/report/scale.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

// Of bold text, in pixels: no browser says here how wide a text is.
constexpr double kLabelColumn = 7;
constexpr double kRowHeight = 44, kReference = 26, kBottom = 26, kInset = 18, kCap = 5;

Interval ends_of(const IntervalRows& intervals) {
  if (intervals.ends) return *intervals.ends;
  double low = intervals.reference.value_or(0), high = low;
  bool is_first = !intervals.reference;
  for (const IntervalRow& row : intervals.rows) {
    for (const double value : {row.interval.low, row.interval.estimate, row.interval.high}) {
      if (!std::isfinite(value)) continue;
      low = is_first ? value : std::min(low, value);
      high = is_first ? value : std::max(high, value);
      is_first = false;
    }
  }
  const double margin = (high - low) * 0.12;
  return {0, low - margin, high + margin};
}

// With an arrow where it goes on beyond the axis.
void draw_end(Svg& svg, double x, double y, bool goes_on, double direction, const std::string& style) {
  if (!goes_on) return svg.line(x, y - kCap, x, y + kCap, style);
  svg.line(x, y, x - direction * kCap, y - kCap, style);
  svg.line(x, y, x - direction * kCap, y + kCap, style);
}

void draw_row(Svg& svg, double y, const Scale& scale, const IntervalRow& row) {
  svg.text(0, y - 12, row.label, row.tone == "ink" ? "strong" : row.tone);
  svg.text(kLabelColumn * static_cast<double>(text::columns_of(row.label) + 2), y - 12, row.text);
  const Interval& interval = row.interval;
  if (std::isnan(interval.low) || std::isnan(interval.high)) return;
  const std::string style = "line-" + row.tone;
  svg.line(scale(interval.low), y, scale(interval.high), y, style);
  draw_end(svg, scale(interval.low), y, !scale.holds(interval.low), -1, style);
  draw_end(svg, scale(interval.high), y, !scale.holds(interval.high), 1, style);
  if (scale.holds(interval.estimate)) svg.circle(scale(interval.estimate), y, 5, "fill-" + row.tone);
}

}  // namespace

void add_intervals(Html& html, IntervalRows intervals) {
  const Interval ends = ends_of(intervals);
  const double top = intervals.reference ? kReference : 2;
  const double rows_height = kRowHeight * static_cast<double>(intervals.rows.size());
  intervals.plot.height = top + rows_height + kBottom;
  add_plot(html, intervals.plot, [&](Svg& svg) {
    const Scale scale = Scale::linear(ends.low, ends.high).onto(kInset, svg.width() - kInset);
    const double bottom = top + rows_height;
    for (const Tick& tick : scale.ticks(svg.is_narrow() ? 4 : 8, intervals.format)) {
      svg.line(tick.place, top, tick.place, bottom, "grid");
      svg.text(tick.place, bottom + 18, tick.label, "", Anchor::Middle);
    }
    svg.line(kInset, bottom, svg.width() - kInset, bottom, "axis");
    if (intervals.reference && scale.holds(*intervals.reference)) {
      const double x = scale(*intervals.reference);
      svg.line(x, top - 8, x, bottom, "mark");
      const bool is_right = x > svg.width() * 0.7;
      svg.text(is_right ? x + 4 : x - 4, top - 14, intervals.reference_label, "strong",
               is_right ? Anchor::End : Anchor::Start);
    }
    for (std::size_t i = 0; i < intervals.rows.size(); ++i)
      draw_row(svg, top + kRowHeight * (static_cast<double>(i) + 0.66), scale, intervals.rows[i]);
  });
}

}  // namespace hubcell::compare

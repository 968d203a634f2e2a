// The kinds of plots that a page has: values in order on a logarithmic axis, intervals, distributions, and the outline of a series.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hubcell/comparison.h>

#include "tools/compare/report/html.h"
#include "tools/compare/report/svg.h"

namespace hubcell::compare {

// ---- values in order

struct Mark {
  enum class Kind { Equal, Within, Differs, Failed };
  Kind kind = Kind::Differs;
  double value = 0;  // infinite ones have a place of their own
  std::string name;  // "chunk 17: 0.31"
};

struct OrderedMarks {
  Plot plot;
  std::string of_axis;   // "max |b − a|"
  std::string in_order;  // "inputs, in order"
  std::vector<Mark> marks;
  std::optional<std::size_t> first;  // is labelled
  std::string first_name;
  // What a cross means: beside the axis, and below the plot.
  const char* failed_label = "failed";
  const char* failed_words = "failed";
};
// Of many marks, each stands for the worst of a few that follow one another.
void add_ordered_marks(Html& html, OrderedMarks marks);

// ---- intervals

struct IntervalRow {
  std::string label;
  std::string text;  // the same as numbers
  Interval interval;
  std::string tone;  // "a", "b" or "ink"
};

struct IntervalRows {
  Plot plot;
  std::vector<IntervalRow> rows;
  std::optional<double> reference;  // a value that matters: 1 of ratios, 0 of differences
  std::string reference_label;
  std::optional<Interval> ends;  // of the axis, low to high; else what the intervals need
  std::string (*format)(double);
};
void add_intervals(Html& html, IntervalRows intervals);

// ---- distributions

struct Distributions {
  Plot plot;
  std::array<std::string, 2> labels;
  const SpeedResult& speed;
};
// Nothing where the samples make none.
void add_distributions(Html& html, const Distributions& distributions);

// ---- a series

void add_series(Html& html, const Preview& preview, const std::string& title);

}  // namespace hubcell::compare

// Values in their order, on a logarithmic axis. What has no logarithm has a place of its own: equal (0) below the axis, infinite and failed
// above it.
#include <algorithm>
#include <cmath>

#include "tools/compare/report/plots.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/scale.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kMarksMax = 150;
constexpr double kLeft = 52, kRight = 10, kTop = 22, kBottom = 26, kBand = 24, kInset = 8;
constexpr std::size_t kTicks = 6;

// Where finite values are, and the bands beside them that are there where something is in them.
struct Area {
  double left, right, top, bottom;
  bool has_above, has_below;
  double above() const { return top - kBand / 2; }     // infinite and failed
  double below() const { return bottom + kBand / 2; }  // equal
  double highest() const { return has_above ? top - kBand : top; }
  double lowest() const { return has_below ? bottom + kBand : bottom; }
};

bool is_above(const Mark& mark) {
  const bool is_valued = mark.kind == Mark::Kind::Within || mark.kind == Mark::Kind::Differs;
  return mark.kind == Mark::Kind::Failed || (is_valued && !std::isfinite(mark.value));
}

bool has_endless(const std::vector<Mark>& marks) {
  return std::ranges::any_of(
      marks, [](const Mark& mark) { return mark.kind != Mark::Kind::Failed && !std::isfinite(mark.value); });
}

Area area_of(const Svg& svg, const std::vector<Mark>& marks) {
  Area area{kLeft,
            svg.width() - kRight,
            kTop,
            svg.height() - kBottom,
            std::ranges::any_of(marks, is_above),
            std::ranges::any_of(marks, [](const Mark& mark) { return mark.kind == Mark::Kind::Equal; })};
  if (area.has_above) area.top += kBand;
  if (area.has_below) area.bottom -= kBand;
  return area;
}

int rank_of(Mark::Kind kind) {
  return static_cast<int>(kind);
}

bool is_worse(const Mark& left, const Mark& right) {
  if (rank_of(left.kind) != rank_of(right.kind)) return rank_of(left.kind) > rank_of(right.kind);
  return left.value > right.value;
}

// Neighbours share a mark; returns how many.
std::size_t thin_out(OrderedMarks& marks) {
  const std::size_t each = (marks.marks.size() + kMarksMax - 1) / kMarksMax;
  if (each <= 1) return 1;
  std::vector<Mark> kept;
  for (std::size_t at = 0; at < marks.marks.size(); at += each) {
    const auto begin = marks.marks.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        marks.marks.begin() + static_cast<std::ptrdiff_t>(std::min(at + each, marks.marks.size()));
    kept.push_back(
        *std::max_element(begin, end, [](const Mark& a, const Mark& b) { return is_worse(b, a); }));
  }
  marks.marks = std::move(kept);
  if (marks.first) marks.first = *marks.first / each;
  return each;
}

void draw_axis(Svg& svg, const Area& area, const Scale& scale, const OrderedMarks& marks, std::size_t each) {
  const auto draw_band = [&](double top, double middle, const char* label) {
    svg.rectangle(area.left, top, area.right - area.left, kBand, "band");
    svg.text(area.left - 8, middle + 4, label, "", Anchor::End);
  };
  if (area.has_above)
    draw_band(area.top - kBand, area.above(), has_endless(marks.marks) ? "∞" : marks.failed_label);
  if (area.has_below) draw_band(area.bottom, area.below(), "equal");
  for (const Tick& tick : scale.ticks(kTicks, figure)) {
    svg.line(area.left, tick.place, area.right, tick.place, "grid");
    svg.text(area.left - 8, tick.place + 4, tick.label, "", Anchor::End);
  }
  svg.text(0, 10, marks.of_axis);
  const std::string in_order =
      marks.in_order + (each > 1 ? "; each point is the worst of " + grouped(each) : "");
  svg.text(area.left, svg.height() - 6, in_order + " →");
}

void draw_mark(Svg& svg, double x, const Area& area, const Scale& scale, const Mark& mark) {
  if (mark.kind == Mark::Kind::Failed) return svg.point(x, area.above(), Shape::Cross, "failed", mark.name);
  if (mark.kind == Mark::Kind::Equal) return svg.point(x, area.below(), Shape::Circle, "equal", mark.name);
  const char* style = mark.kind == Mark::Kind::Within ? "within" : "differs";
  const Shape shape = mark.kind == Mark::Kind::Within ? Shape::Square : Shape::Circle;
  if (!std::isfinite(mark.value)) return svg.point(x, area.above(), Shape::Triangle, "endless", mark.name);
  svg.point(x, scale(mark.value), shape, style, mark.name);
}

void draw_first(Svg& svg, double x, const Area& area, const std::string& name) {
  svg.line(x, area.highest(), x, area.lowest(), "mark");
  const bool on_left = x < (area.left + area.right) / 2;
  const double room = (on_left ? area.right - x : x - area.left) - 12;
  const std::string label = text::brief(name, static_cast<std::size_t>(std::max(room, 0.0) / 7.2));
  svg.text(on_left ? x + 6 : x - 6, area.top + 14, label, "strong", on_left ? Anchor::Start : Anchor::End);
}

void add_legend(Html& html, const std::vector<Mark>& marks, const char* failed_words) {
  struct Entry {
    bool is_there;
    const char *style, *words;
    Shape shape;
  };
  const auto has = [&](auto test) { return std::ranges::any_of(marks, test); };
  const auto of_kind = [&](Mark::Kind kind, bool finite) {
    return has([=](const Mark& mark) { return mark.kind == kind && std::isfinite(mark.value) == finite; });
  };
  const Entry entries[] = {
      {of_kind(Mark::Kind::Differs, true), "differs", "differs", Shape::Circle},
      {of_kind(Mark::Kind::Within, true), "within", "within tolerance", Shape::Square},
      {of_kind(Mark::Kind::Equal, true), "equal", "equal", Shape::Circle},
      {of_kind(Mark::Kind::Differs, false), "endless", "infinitely far apart", Shape::Triangle},
      {has([](const Mark& mark) { return mark.kind == Mark::Kind::Failed; }), "failed", failed_words,
       Shape::Cross}};
  html.open("ul", {{"class", "legend"}});
  for (const Entry& entry : entries) {
    if (!entry.is_there) continue;
    html.open("li");
    add_drawing(html, 14, 14, entry.words,
                [&](Svg& svg) { svg.point(7, 7, entry.shape, entry.style, entry.words); });
    html.text(entry.words).close();
  }
  html.close();
}

}  // namespace

void add_ordered_marks(Html& html, OrderedMarks marks) {
  if (marks.marks.empty()) return;
  const std::size_t each = thin_out(marks);
  std::vector<double> values;
  for (const Mark& mark : marks.marks)
    if (mark.kind == Mark::Kind::Within || mark.kind == Mark::Kind::Differs) values.push_back(mark.value);
  marks.plot.has_points = true;
  add_plot(html, marks.plot, [&](Svg& svg) {
    const Area area = area_of(svg, marks.marks);
    const Scale scale = Scale::logarithmic(values).onto(area.bottom - kInset, area.top + kInset);
    draw_axis(svg, area, scale, marks, each);
    const auto place = [&](std::size_t i) {
      const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(marks.marks.size());
      return area.left + share * (area.right - area.left);
    };
    if (marks.first && *marks.first < marks.marks.size())
      draw_first(svg, place(*marks.first), area, marks.first_name);
    for (std::size_t i = 0; i < marks.marks.size(); ++i)
      draw_mark(svg, place(i), area, scale, marks.marks[i]);
  });
  add_legend(html, marks.marks, marks.failed_words);
}

}  // namespace hubcell::compare

#include "tools/compare/report/svg.h"

namespace hubcell::compare {
namespace {

constexpr double kWide = 880, kNarrow = 350;
constexpr double kRadius = 4.5;

const char* anchor_text(Anchor anchor) {
  switch (anchor) {
    case Anchor::Start:
      return "start";
    case Anchor::Middle:
      return "middle";
    case Anchor::End:
      return "end";
  }
  return "";
}

Path outline(double x, double y, Shape shape) {
  const double r = kRadius;
  Path path;
  switch (shape) {
    case Shape::Square:
      return path.move(x - r, y - r).line(x + r, y - r).line(x + r, y + r).line(x - r, y + r).close();
    case Shape::Triangle:
      return path.move(x, y - r).line(x + r, y + r).line(x - r, y + r).close();
    default:
      return path.move(x - r, y - r).line(x + r, y + r).move(x - r, y + r).line(x + r, y - r);
  }
}

void add_svg(Html& html, Svg svg, const std::string& title, const std::string& description,
             const std::function<void(Svg&)>& draw) {
  const std::string title_id = html.new_id(), description_id = html.new_id();
  html.open("svg", {{"viewBox", "0 0 " + coordinate(svg.width()) + " " + coordinate(svg.height())},
                    {"role", "img"},
                    {"aria-labelledby", title_id},
                    {"aria-describedby", description_id}});
  html.leaf("title", title, {{"id", title_id}}).leaf("desc", description, {{"id", description_id}});
  draw(svg);
  html.close();
}

}  // namespace

Path& Path::add(char command, double x, double y) {
  text_ += command + coordinate(x) + " " + coordinate(y);
  return *this;
}

Path& Path::close() {
  text_ += "Z";
  return *this;
}

void Svg::line(double x1, double y1, double x2, double y2, const std::string& style) {
  html_.empty("line", {{"x1", x1}, {"y1", y1}, {"x2", x2}, {"y2", y2}, {"class", style}});
}

void Svg::rectangle(double x, double y, double width, double height, const std::string& style) {
  html_.empty("rect", {{"x", x}, {"y", y}, {"width", width}, {"height", height}, {"class", style}});
}

void Svg::path(const Path& path, const std::string& style) {
  if (!path.is_empty()) html_.empty("path", {{"d", path.text()}, {"class", style}});
}

void Svg::text(double x, double y, const std::string& text, const std::string& style, Anchor anchor) {
  Attributes attributes = {{"x", x}, {"y", y}};
  if (anchor != Anchor::Start) attributes.push_back({"text-anchor", anchor_text(anchor)});
  if (!style.empty()) attributes.push_back({"class", style});
  html_.leaf("text", text, attributes);
}

void Svg::circle(double x, double y, double radius, const std::string& style) {
  html_.empty("circle", {{"cx", x}, {"cy", y}, {"r", radius}, {"class", style}});
}

void Svg::point(double x, double y, Shape shape, const std::string& style, const std::string& name) {
  const std::string classes = "point " + style;
  if (shape == Shape::Circle) {
    html_.open("circle", {{"cx", x}, {"cy", y}, {"r", kRadius}, {"class", classes}});
  } else {
    html_.open("path", {{"d", outline(x, y, shape).text()}, {"class", classes}});
  }
  html_.leaf("title", name).close();
}

void add_plot(Html& html, const Plot& plot, const std::function<void(Svg&)>& draw) {
  html.open("figure").open("figcaption").text(plot.caption);
  if (!plot.note.empty()) html.leaf("span", plot.note);
  html.close();
  html.open("div", {{"class", plot.has_points ? "plot points" : "plot"}, {"data-label", plot.caption + "."}});
  html.open("div", {{"class", "wide"}});
  add_svg(html, Svg(html, kWide, plot.height), plot.caption, plot.finding, draw);
  html.close().open("div", {{"class", "narrow"}});
  add_svg(html, Svg(html, kNarrow, plot.height), plot.caption, plot.finding, draw);
  html.close().close().close();
}

void add_drawing(Html& html, double width, double height, const std::string& title,
                 const std::function<void(Svg&)>& draw) {
  const std::string title_id = html.new_id();
  html.open("svg", {{"viewBox", "0 0 " + coordinate(width) + " " + coordinate(height)},
                    {"role", "img"},
                    {"aria-labelledby", title_id}});
  html.leaf("title", title, {{"id", title_id}});
  Svg svg(html, width, height);
  draw(svg);
  html.close();
}

}  // namespace hubcell::compare

// Drawings inside the page. Each is drawn twice, for a wide and for a narrow screen, so that its text can be read on both, and says what it
// shows in words.
#pragma once

#include <functional>
#include <string>

#include "tools/compare/report/html.h"

namespace hubcell::compare {

// The outline of a shape, from one place to the next.
class Path {
 public:
  Path& move(double x, double y) { return add('M', x, y); }
  Path& line(double x, double y) { return add('L', x, y); }
  Path& close();
  Whole text() const { return {text_}; }
  bool is_empty() const { return text_.empty(); }

 private:
  Path& add(char command, double x, double y);
  std::string text_;
};

enum class Anchor { Start, Middle, End };
enum class Shape { Circle, Square, Triangle, Cross };

class Svg {
 public:
  Svg(Html& html, double width, double height) : html_(html), width_(width), height_(height) {}
  double width() const { return width_; }
  double height() const { return height_; }
  bool is_narrow() const { return width_ < 500; }

  void line(double x1, double y1, double x2, double y2, const std::string& style);
  void rectangle(double x, double y, double width, double height, const std::string& style);
  void path(const Path& path, const std::string& style);
  void text(double x, double y, const std::string& text, const std::string& style = "",
            Anchor anchor = Anchor::Start);
  void circle(double x, double y, double radius, const std::string& style);
  // With its name, which a pointer brings up.
  void point(double x, double y, Shape shape, const std::string& style, const std::string& name);

 private:
  Html& html_;
  double width_, height_;
};

struct Plot {
  std::string caption;
  std::string note;     // how to read it
  std::string finding;  // what it shows, for those who do not see it
  double height = 240;
  bool has_points = false;
};

// A figure. `draw` is called for each of the two widths.
void add_plot(Html& html, const Plot& plot, const std::function<void(Svg&)>& draw);
// Without a frame and a caption, in one width.
void add_drawing(Html& html, double width, double height, const std::string& title,
                 const std::function<void(Svg&)>& draw);

}  // namespace hubcell::compare

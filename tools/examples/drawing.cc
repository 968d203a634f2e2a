#include "tools/examples/drawing.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace hubcell::demo {
namespace {

// What lines are made of, from low to high.
struct Glyphs {
  std::array<std::string_view, 8> levels;
  std::array<std::string_view, 5> shades;
  std::string_view bar, bar_end;
};

constexpr Glyphs kBlocks{.levels = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
                         .shades = {"  ", "░░", "▒▒", "▓▓", "██"},
                         .bar = "━",
                         .bar_end = "╸"};
constexpr Glyphs kAscii{.levels = {" ", ".", ":", "-", "=", "+", "*", "#"},
                        .shades = {"  ", "..", "++", "xx", "##"},
                        .bar = "-",
                        .bar_end = ">"};

bool is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

// By what the user set, as C libraries do; a locale of that name need not be installed.
bool shows_utf8() {
  if (!is_terminal()) return false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.ends_with("UTF-8") || locale.ends_with("utf8");
  }
  return false;
}

const Glyphs& glyphs() {
  static const Glyphs& chosen = shows_utf8() ? kBlocks : kAscii;
  return chosen;
}

std::string wrap(std::string_view code, std::string_view text) {
  static const bool has_colours = is_terminal() && std::getenv("NO_COLOR") == nullptr;
  if (!has_colours || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

template <std::size_t Count>
std::string_view step_of(const std::array<std::string_view, Count>& steps, float value) {
  const float scaled = std::isnan(value) ? 0 : std::clamp(value, 0.0F, 1.0F) * static_cast<float>(Count);
  return steps[std::min(static_cast<std::size_t>(scaled), Count - 1)];
}

std::size_t column_of(double time_s, double total_s, std::size_t columns) {
  const double column = std::round(time_s / total_s * static_cast<double>(columns));
  return std::min(static_cast<std::size_t>(std::max(column, 0.0)), columns);
}

}  // namespace

std::string bold(std::string_view text) {
  return wrap("1", text);
}
std::string faint(std::string_view text) {
  return wrap("2", text);
}
std::string green(std::string_view text) {
  return wrap("32", text);
}
std::string red(std::string_view text) {
  return wrap("31", text);
}

std::size_t drawing_columns() {
  winsize size{};
  std::size_t columns = 80;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    columns = size.ws_col;
  } else if (const char* wanted = std::getenv("COLUMNS"); wanted != nullptr) {
    columns = std::strtoul(wanted, nullptr, 10);
  }
  return std::clamp<std::size_t>(columns, 60, 120);
}

std::string draw_levels(std::span<const float> values, std::size_t columns) {
  std::string line, run;
  bool run_is_high = false;
  const auto end_run = [&] {
    line += run_is_high ? green(run) : faint(run);
    run.clear();
  };
  for (std::size_t column = 0; column < columns && !values.empty(); ++column) {
    const std::size_t begin = column * values.size() / columns;
    const std::size_t end = std::max(begin + 1, (column + 1) * values.size() / columns);
    const float level = std::ranges::max(values.subspan(begin, end - begin));
    if ((level >= 0.5F) != run_is_high) end_run();
    run_is_high = level >= 0.5F;
    run += step_of(glyphs().levels, level);
  }
  end_run();
  return line;
}

std::string draw_spans(std::span<const Span> spans, double total_s, std::size_t columns) {
  std::string line;
  std::size_t column = 0;
  for (const Span& span : spans) {
    const std::size_t begin = std::max(column, column_of(span.start_s, total_s, columns));
    const std::size_t end = column_of(span.end_s, total_s, columns);
    line.append(begin - column, ' ');
    for (column = begin; column < end; ++column) {
      line += column + 1 == end ? glyphs().bar_end : glyphs().bar;
    }
  }
  return line;
}

std::string draw_time_axis(double total_s, std::size_t columns) {
  // About one mark in 12 columns, at a round number of seconds.
  constexpr std::array<double, 10> kSteps = {0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300};
  const double wanted_s = total_s * 12 / static_cast<double>(columns);
  const auto* found = std::ranges::find_if(kSteps, [&](double step) { return step >= wanted_s; });
  const double step_s = found != kSteps.end() ? *found : total_s;
  std::string line;
  for (int mark = 0; mark * step_s < total_s; ++mark) {
    const std::size_t column = column_of(mark * step_s, total_s, columns);
    line.resize(std::max(line.size(), column), ' ');
    line += format(step_s < 1 ? "%.1f s" : "%.0f s", mark * step_s);
  }
  return faint(line.substr(0, columns));
}

std::string describe_spans(std::span<const Span> spans) {
  if (spans.empty()) return "none";
  std::string text;
  for (const Span& span : spans) {
    text += (text.empty() ? "" : "  ") + format("%.2f-%.2f", span.start_s, span.end_s);
  }
  return text;
}

std::vector<std::string> draw_picture(std::span<const float> pixels, std::size_t width) {
  std::vector<std::string> rows;
  for (std::size_t begin = 0; begin + width <= pixels.size(); begin += width) {
    std::string row;
    for (const float pixel : pixels.subspan(begin, width))
      row += step_of(glyphs().shades, pixel);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string format(const char* pattern, ...) {
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, pattern, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

}  // namespace hubcell::demo

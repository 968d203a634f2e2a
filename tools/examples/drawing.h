// Terminal drawing for the demo: probabilities as blocks, segments as bars, numbers as small pictures. Plain
// ASCII where stdout is no terminal that shows UTF-8.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::demo {

// A part of a line of time, in seconds.
struct Span {
  double start_s, end_s;
};

// Colours only where stdout is a terminal without NO_COLOR.
std::string bold(std::string_view text);
std::string faint(std::string_view text);
std::string green(std::string_view text);
std::string red(std::string_view text);

// Of the terminal behind stdout, else of COLUMNS, else 80; from 60 to 120.
std::size_t drawing_columns();

// One line of blocks for values from 0 to 1; the largest value where several share a column. Those of at
// least one half are green.
std::string draw_levels(std::span<const float> values, std::size_t columns);
// One line with a bar under each span; bars that touch are told apart.
std::string draw_spans(std::span<const Span> spans, double total_s, std::size_t columns);
// A ruler: "0 s        1 s        2 s".
std::string draw_time_axis(double total_s, std::size_t columns);
// "0.29-0.74  0.80-1.31"
std::string describe_spans(std::span<const Span> spans);

// Rows of a picture of brightness 0 to 1, two characters a pixel so that it looks square.
std::vector<std::string> draw_picture(std::span<const float> pixels, std::size_t width);

// printf into a string, for lines with numbers.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

}  // namespace hubcell::demo

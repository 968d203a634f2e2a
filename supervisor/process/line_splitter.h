// Cuts what a worker prints into lines that may be shown.
//
// A line ends at "\n" or "\r\n", and at the end of the stream. Text before a lone "\r" is a state of a progress
// bar, which a terminal would overwrite: such states are lines of their own, one every kProgressInterval at most,
// and the last, which ends at "\n", always. A longer line than the bound is cut, and its mark says by how much.
// A terminal obeys control characters, so that they are replaced by "?"; colours and moves of the cursor are
// left out.
//
// Owns at most one line. Knows no descriptor and no clock.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace hubcell::process {

inline constexpr std::chrono::milliseconds kProgressInterval{1000};

class LineSplitter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `take_line` is given each line, without its end. `line_bytes_max` is of what is kept; the mark comes on top
  // (kCutMarkBytesMax).
  LineSplitter(std::size_t line_bytes_max, std::function<void(std::string line)> take_line)
      : line_bytes_max_(line_bytes_max), take_line_(std::move(take_line)) {}

  void feed(std::string_view bytes, Time now);
  // The stream has ended: a line that was begun is one.
  void finish();

 private:
  void keep(std::string_view text);
  void end_progress(Time now);
  void end_line();

  std::size_t line_bytes_max_;
  std::function<void(std::string line)> take_line_;
  std::string line_;
  std::size_t cut_bytes_ = 0;
  bool after_return_ = false;
  Time next_progress_{};
};

inline constexpr std::size_t kCutMarkBytesMax = 64;

}  // namespace hubcell::process

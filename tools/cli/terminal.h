// What the terminal is told: colours where a person looks, one line of progress, and an orderly end at
// Ctrl-C.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

namespace hubcell::cli {

// A line on stderr that is drawn over itself: what, how much of how much, how fast, and how long it will take. Shows nothing where stderr is no terminal. Any thread.
class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& what, std::uint64_t done_bytes, std::uint64_t total_bytes);
  // "compare answers  17 of 94"
  void show_steps(const std::string& what, std::uint64_t done, std::uint64_t total);
  void clear();

 private:
  bool is_due();
  void draw(const std::string& line);

  const bool shown_;
  std::mutex mutex_;
  bool on_screen_ = false;
  std::chrono::steady_clock::time_point next_draw_{};
  std::string what_;
  std::chrono::steady_clock::time_point began_{};
};

// Columns of the terminal behind `descriptor`, else 80.
std::size_t terminal_columns(int descriptor);

// Fills standard descriptors that the caller closed with ones that fail: their numbers must not go to something else, and
// an answer that nobody gets is an error.
void fill_standard_descriptors();

// From now on Ctrl-C clears the progress line and ends the program with 130. The supervisor sees the end of
// its control socket and ends all workers.
void end_on_interrupt();

// From now on the first Ctrl-C asks what has the token to stop, and a second one ends the program as above. Once.
std::stop_token stop_on_interrupt();

}  // namespace hubcell::cli

#include "tools/cli/terminal.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include <hubcell/error.h>

#include "tools/cli/text_output.h"
#include "tools/text/printable.h"

namespace hubcell::cli {
namespace {

// Before that a speed says nothing.
constexpr double kSpeedAfterSeconds = 0.5;
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::chrono::milliseconds kDrawInterval{50};

void write_to_stderr(std::string_view text) {
  // Progress that cannot be written is lost, and nothing else is.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string format_mebibytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / 0x1p20);
  return text;
}

// Async-signal-safe.
void handle_interrupt(int) {
  if (::isatty(STDERR_FILENO) == 1) write_to_stderr(kClearLine);
  ::_exit(130);
}

// Where stop_on_interrupt's handler writes: nothing else that wakes another thread is async-signal-safe.
std::atomic<int> interrupts = -1;
std::atomic_flag was_interrupted;

void handle_first_interrupt(int signal) {
  if (was_interrupted.test_and_set()) handle_interrupt(signal);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(interrupts, &one, sizeof one);
}

// "  3.1 MiB/s, 12 s left"
std::string format_speed(std::uint64_t done, std::uint64_t total, double seconds) {
  if (seconds < kSpeedAfterSeconds) return "";
  const double speed = static_cast<double>(done) / seconds;
  char text[64];
  std::snprintf(text, sizeof text, "  %.1f MiB/s", speed / 0x1p20);
  std::string line = text;
  if (total <= done) return line;
  std::snprintf(text, sizeof text, ", %.0f s left", static_cast<double>(total - done) / speed);
  return line + text;
}

}  // namespace

Progress::Progress(bool wanted) : shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& what, std::uint64_t done_bytes, std::uint64_t total_bytes) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (what != what_) {
    what_ = what;
    began_ = now;
  }
  if (!is_due()) return;
  std::string line = text::one_line(text::printable(what));
  if (done_bytes != 0) line += "  " + format_mebibytes(done_bytes);
  if (total_bytes != 0) line += " of " + format_mebibytes(total_bytes);
  if (done_bytes != 0)
    line += format_speed(done_bytes, total_bytes, std::chrono::duration<double>(now - began_).count());
  draw(line);
}

void Progress::show_steps(const std::string& what, std::uint64_t done, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  if (!is_due()) return;
  std::string line = text::one_line(text::printable(what));
  if (total != 0) line += "  " + std::to_string(done) + " of " + std::to_string(total);
  draw(line);
}

bool Progress::is_due() {
  const auto now = std::chrono::steady_clock::now();
  if (!shown_ || now < next_draw_) return false;
  next_draw_ = now + kDrawInterval;
  return true;
}

void Progress::draw(const std::string& line) {
  on_screen_ = true;
  write_to_stderr(std::string(kClearLine) + line.substr(0, terminal_columns(STDERR_FILENO) - 1));
}

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  if (on_screen_) write_to_stderr(kClearLine);
  on_screen_ = false;
}

std::size_t terminal_columns(int descriptor) {
  winsize size{};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

void fill_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free number is this one. Opened the wrong way round, so that every use is refused.
    (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

std::stop_token stop_on_interrupt() {
  // Never destroyed: the thread is there until the program ends.
  static auto& source = *new std::stop_source;
  interrupts = ::eventfd(0, EFD_CLOEXEC);
  if (interrupts < 0) throw Error(ErrorCode::System, std::string("make an eventfd: ") + std::strerror(errno));
  std::thread([] {
    std::uint64_t count = 0;
    while (::read(interrupts, &count, sizeof count) < 0) {
    }
    if (::isatty(STDERR_FILENO) == 1) write_to_stderr("\nstopping; Ctrl-C once more ends it at once\n");
    source.request_stop();
  }).detach();
  struct sigaction action {};
  action.sa_handler = handle_first_interrupt;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  return source.get_token();
}

void end_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = handle_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace hubcell::cli

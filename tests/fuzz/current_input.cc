#include "tests/fuzz/current_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

// There with every sanitizer: what it ends the process with is no signal.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace hubcell::fuzz {
namespace {

std::span<const std::byte> current;
std::string kept_path;
unsigned seconds_max = 0;

void say(const char* text) {
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
}

// Async-signal-safe.
void write_current() {
  const int file = ::open(kept_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool is_written =
      file >= 0 && ::write(file, current.data(), current.size()) == static_cast<ssize_t>(current.size());
  say(is_written ? "the input that did it is in " : "the input that did it could not be written to ");
  say(kept_path.c_str());
  say("\n");
}

void end_by(int signal) {
  if (signal == SIGALRM) say("an input hangs\n");
  write_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void keep_current_input(const std::string& path, unsigned hang_seconds) {
  kept_path = path;
  seconds_max = hang_seconds;
  for (const int signal : {SIGABRT, SIGALRM})
    std::signal(signal, end_by);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(write_current);
  } else {
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
      std::signal(signal, end_by);
  }
  note_progress();
}

void set_current_input(std::span<const std::byte> input) {
  current = input;
}

void note_progress() {
  ::alarm(seconds_max);
}

}  // namespace hubcell::fuzz

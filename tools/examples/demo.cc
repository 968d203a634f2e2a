// hubcell-demo: two versions of one model in one program. tools/demo makes the repositories and starts it.
#include "tools/examples/demo.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "tools/examples/drawing.h"

namespace hubcell::demo {
namespace {

// A line of a terminal that is gone when the work is done.
struct ProgressLine {
  ~ProgressLine() { clear(); }
  static void clear() {
    if (::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r\x1b[K");
  }
};

void show_progress(const std::string& what, std::uint64_t done, std::uint64_t total) {
  if (::isatty(STDERR_FILENO) == 0) return;
  ProgressLine::clear();
  std::fprintf(stderr, "%s", what.substr(0, drawing_columns() - 8).c_str());
  if (total != 0) std::fprintf(stderr, "  %llu %%", static_cast<unsigned long long>(100 * done / total));
}

int run(std::string_view kind, const Places& places) {
  const bool all_held = kind == "silero" ? show_speech(places) : show_digits(places);
  return all_held ? 0 : 1;
}

}  // namespace

Hub make_hub() {
  return Hub({.python = "/usr/bin/python3", .seed = 0, .progress = show_progress});
}

Value load_model(Hub& hub, const std::string& repository, const std::string& entry) {
  const ProgressLine cleared_at_end;
  return hub.load(repository, entry);
}

}  // namespace hubcell::demo

int main(int count, char** arguments) {
  const std::string_view kind = count > 1 ? arguments[1] : "";
  if (count != 4 || (kind != "silero" && kind != "digits")) {
    std::fprintf(stderr,
                 "usage: hubcell-demo silero|digits EXAMPLES ALONE (tools/demo knows these folders)\n");
    return 2;
  }
  // Lines appear in order beside what workers print to stderr.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return hubcell::demo::run(kind, {.examples = arguments[2], .alone = arguments[3]});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hubcell-demo: %s\n", error.what());
    return 1;
  }
}

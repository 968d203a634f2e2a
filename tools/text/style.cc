#include "tools/text/style.h"

#include <unistd.h>

#include <cstdlib>

namespace hubcell::text {

Style::Style(int descriptor)
    : colours_(::isatty(descriptor) == 1 &&
               (std::getenv("NO_COLOR") == nullptr || *std::getenv("NO_COLOR") == 0)) {}

std::string Style::wrap(const char* code, const std::string& text) const {
  return colours_ ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

}  // namespace hubcell::text

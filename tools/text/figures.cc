#include "tools/text/figures.h"

#include <cstdio>

namespace hubcell::text {

std::string size_text(std::uint64_t bytes) {
  char text[32];
  const auto size = static_cast<double>(bytes);
  if (bytes < (1U << 20U)) {
    std::snprintf(text, sizeof text, "%.1f KiB", size / 0x1p10);
  } else {
    std::snprintf(text, sizeof text, bytes < (1U << 30U) ? "%.1f MiB" : "%.2f GiB",
                  bytes < (1U << 30U) ? size / 0x1p20 : size / 0x1p30);
  }
  return text;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto seconds = duration.count() / 1000;
  if (seconds < 10) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(duration.count()) / 1000);
    return text;
  }
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / (24 * 3600)) + "d";
}

}  // namespace hubcell::text

// Sizes and times as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace hubcell::text {

// "12.0 KiB", "3.1 MiB", "1.25 GiB"
std::string size_text(std::uint64_t bytes);
// "0.4s", "12s", "3m", "2h", "4d"
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace hubcell::text

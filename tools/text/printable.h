// Text of foreign code, made fit for a terminal: it must not steer it.
#pragma once

#include <string>

namespace hubcell::text {

// Tabs and newlines stay, other control characters become \x1b.
std::string printable(const std::string& text);
// Without line ends: for messages of one line.
std::string one_line(const std::string& text);

}  // namespace hubcell::text

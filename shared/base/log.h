// The log: one line an event, to stderr, at the level of HUBCELL_LOG (error, warn, info, debug; default
// warn).
//
// spdlog stands behind it and is included by log.cc alone, because its headers cost seconds per source file.
#pragma once

#include <string_view>

namespace hubcell::log {

enum class Level : unsigned char { Debug, Info, Warn, Error };

void write(Level level, std::string_view message);

inline void debug(std::string_view message) {
  write(Level::Debug, message);
}
inline void info(std::string_view message) {
  write(Level::Info, message);
}
inline void warn(std::string_view message) {
  write(Level::Warn, message);
}
inline void error(std::string_view message) {
  write(Level::Error, message);
}

}  // namespace hubcell::log

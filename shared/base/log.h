// The log: one line an event, to stderr, at the level of HUBCELL_LOG (error, warn, info, debug; default warn), as text or, with
// HUBCELL_LOG_FORMAT=json, as a JSON object: time (UTC), level, program, pid, message, and what it is about.
//
// spdlog stands behind it and is included by log.cc alone, because its headers cost seconds per source file.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace hubcell::log {

enum class Level : unsigned char { Debug, Info, Warn, Error };

// What an event is about, where that is known. `event` names what scripts look for.
struct About {
  std::string_view worker = {};  // "owner/name@ref"
  std::int64_t worker_pid = 0;
  std::string_view event = {};
};

void write(Level level, std::string_view message, const About& about = {});

// Is told every event from Info on, at whatever level the log is. One at a time; null: nobody.
using Listener = std::function<void(Level, std::string_view message, const About& about)>;
void set_listener(Listener listener);

inline void debug(std::string_view message, const About& about = {}) {
  write(Level::Debug, message, about);
}
inline void info(std::string_view message, const About& about = {}) {
  write(Level::Info, message, about);
}
inline void warn(std::string_view message, const About& about = {}) {
  write(Level::Warn, message, about);
}
inline void error(std::string_view message, const About& about = {}) {
  write(Level::Error, message, about);
}

}  // namespace hubcell::log

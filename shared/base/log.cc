#include "shared/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "shared/base/check.h"

namespace hubcell {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "hubcell: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

namespace log {
namespace {

spdlog::level::level_enum level_from_environment() {
  const char* name = std::getenv("HUBCELL_LOG");
  const std::string_view chosen = name == nullptr ? "warn" : name;
  if (chosen == "debug") return spdlog::level::debug;
  if (chosen == "info") return spdlog::level::info;
  if (chosen == "error") return spdlog::level::err;
  return spdlog::level::warn;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("hubcell", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("hubcell: %l: %v");
    made->set_level(level_from_environment());
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void write(Level level, std::string_view message) {
  logger().log(to_spdlog(level), message);
}

}  // namespace log
}  // namespace hubcell

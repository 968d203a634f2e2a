#include "shared/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

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

bool is_json() {
  static const bool wanted = [] {
    const char* format = std::getenv("HUBCELL_LOG_FORMAT");
    return format != nullptr && std::string_view(format) == "json";
  }();
  return wanted;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("hubcell", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(is_json() ? "%v" : "hubcell: %l: %v");
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

std::string utc_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

std::string json_line(Level level, std::string_view message, const About& about) {
  nlohmann::ordered_json line{{"time", utc_now()},
                              {"level", spdlog::level::to_string_view(to_spdlog(level)).data()},
                              {"program", ::program_invocation_short_name},
                              {"pid", ::getpid()},
                              {"message", message}};
  if (!about.worker.empty()) line["worker"] = about.worker;
  if (about.worker_pid != 0) line["worker_pid"] = about.worker_pid;
  if (!about.event.empty()) line["event"] = about.event;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string text_line(std::string_view message, const About& about) {
  std::string line;
  if (!about.worker.empty()) line += "worker " + std::string(about.worker) + ": ";
  if (!about.event.empty()) line += std::string(about.event) + ": ";
  return line.append(message);
}

std::mutex& listener_mutex() {
  static std::mutex mutex;
  return mutex;
}

Listener& listener() {
  static Listener instance;
  return instance;
}

}  // namespace

void write(Level level, std::string_view message, const About& about) {
  spdlog::logger& to = logger();
  if (to.should_log(to_spdlog(level))) {
    to.log(to_spdlog(level), is_json() ? json_line(level, message, about) : text_line(message, about));
  }
  if (level == Level::Debug) return;
  const std::scoped_lock lock(listener_mutex());
  if (listener()) listener()(level, message, about);
}

void set_listener(Listener new_listener) {
  const std::scoped_lock lock(listener_mutex());
  listener() = std::move(new_listener);
}

}  // namespace log
}  // namespace hubcell

#include "supervisor/serve_arguments.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <map>
#include <string_view>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::control {
namespace {

constexpr int kFirstActivated = 3;

std::uint64_t parse_number(const std::string& name, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorCode::Usage, "serve: " + name + " " + std::string(text) + ": not a whole number");
  return number;
}

bool is_own_pid(const char* text) {
  return text != nullptr && std::to_string(::getpid()) == text;
}

}  // namespace

ServeArguments parse_serve_arguments(std::span<const char* const> words) {
  ServeArguments arguments;
  const std::map<std::string, std::function<void(std::uint64_t)>> numbers{
      {"--programs", [&](std::uint64_t number) { arguments.plan.programs_max = number; }},
      {"--workers", [&](std::uint64_t number) { arguments.quotas.workers = number; }},
      {"--worker-memory", [&](std::uint64_t bytes) { arguments.quotas.worker_memory_bytes = bytes; }},
      {"--unload-idle-ms",
       [&](std::uint64_t ms) { arguments.plan.unload_idle = std::chrono::milliseconds(ms); }},
      {"--warm", [&](std::uint64_t number) { arguments.plan.warm = number != 0; }},
      {"--drain-ms", [&](std::uint64_t ms) { arguments.plan.drain = std::chrono::milliseconds(ms); }}};
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::string name = words[i];
    if (i + 1 == words.size()) throw Error(ErrorCode::Usage, "serve: " + name + ": its value is missing");
    if (name == "--socket") {
      arguments.socket = words[i + 1];
      continue;
    }
    const auto number = numbers.find(name);
    if (number == numbers.end()) throw Error(ErrorCode::Usage, "serve: there is no " + name);
    number->second(parse_number(name, words[i + 1]));
  }
  return arguments;
}

std::optional<posix::UniqueFd> take_activated_socket() {
  const char* count = std::getenv("LISTEN_FDS");
  const bool is_ours = is_own_pid(std::getenv("LISTEN_PID"));
  if (!is_ours || count == nullptr) return std::nullopt;
  if (std::string_view(count) != "1")
    throw Error(ErrorCode::Usage, std::string("serve: systemd passes ") + count + " sockets, and not one");
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
    ::unsetenv(name);
  posix::UniqueFd socket(kFirstActivated);
  posix::checked(::fcntl(socket.get(), F_SETFD, FD_CLOEXEC), "keep systemd's socket");
  posix::checked(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), "keep systemd's socket");
  return socket;
}

}  // namespace hubcell::control

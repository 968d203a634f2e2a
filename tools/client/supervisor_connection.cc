#include "tools/client/supervisor_connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <vector>

#include <hubcell/error.h>
#include <hubcell/serve.h>

#include "shared/base/log.h"
#include "shared/posix/local_socket.h"
#include "shared/posix/message_socket.h"
#include "shared/posix/process.h"
#include "shared/wire/environment.h"
#include "shared/wire/frame.h"
#include "tools/client/installation.h"

extern char** environ;

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

// A shared supervisor that was stopped takes longer.
constexpr std::chrono::seconds kWelcomeDeadline{2};

std::vector<std::string> current_environment() {
  std::vector<std::string> assignments;
  for (char** entry = environ; *entry != nullptr; ++entry)
    assignments.emplace_back(*entry);
  return assignments;
}

// The rest of the program's environment stays here.
std::vector<std::string> session_environment() {
  std::vector<std::string> chosen;
  const auto choose = [&chosen](std::span<const char* const> names) {
    for (const std::string name : names) {
      if (const char* value = std::getenv(name.c_str())) chosen.push_back(name + "=" + value);
    }
  };
  choose(wire::kSupervisorVariables);
  choose(wire::kNetworkVariables);
  choose(wire::kIdentityVariables);
  choose(wire::kTemplateVariables);
  return chosen;
}

wire::WorkerOutput to_wire(Output output) {
  switch (output) {
    case Output::Inherit:
      return wire::WorkerOutput::Inherit;
    case Output::Prefixed:
      return wire::WorkerOutput::Prefixed;
    case Output::Discard:
      return wire::WorkerOutput::Discard;
  }
  throw Error(ErrorCode::Usage, "start hubcell: HubOptions::output is none of Inherit, Prefixed and Discard");
}

wire::Hello hello_of(const HubOptions& options, std::uint64_t first_worker) {
  return {.working_folder = fs::current_path(),
          .environment = session_environment(),
          .output = to_wire(options.output),
          .hub_folder = options.hub_folder,
          .first_worker = first_worker};
}

// Only a supervisor that has something to write there gets the standard output: its reader waits for its end.
int standard_output_of(const wire::Hello& hello) {
  return hello.output == wire::WorkerOutput::Inherit ? STDOUT_FILENO : STDERR_FILENO;
}

posix::UniqueFd start_private(const wire::Hello& hello) {
  auto [ours, theirs] = posix::make_message_socket_pair();
  // It detaches from us: what is spawned here ends at once, and the supervisor never meets the program's
  // wait().
  posix::ChildProcess detaching = posix::spawn({.program = find_supervisor(),
                                                .arguments = {},
                                                .environment = current_environment(),
                                                .directory = "/",
                                                .descriptors = {theirs.get()},
                                                .standard_output = standard_output_of(hello)});
  detaching.wait();
  wire::send_frame(ours.get(), 0, hello);
  return std::move(ours);
}

// A stream that this program has closed is nowhere.
posix::UniqueFd stream_or_null(int descriptor) {
  posix::UniqueFd copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  return copy ? std::move(copy) : posix::UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
}

// Empty where it takes nobody in.
std::optional<SupervisorConnection> enter_shared(const std::string& path, const wire::Hello& hello) {
  std::optional<posix::UniqueFd> socket = connect_shared(path);
  if (!socket) return std::nullopt;
  const auto say_why = [&path](const std::string& why) {
    log::warn("the shared supervisor at " + path + " is not used: " + why);
    return std::nullopt;
  };
  const posix::UniqueFd output = stream_or_null(standard_output_of(hello));
  const posix::UniqueFd errors = stream_or_null(STDERR_FILENO);
  const std::array descriptors{output.get(), errors.get()};
  try {
    wire::send_frame(socket->get(), 1, hello, descriptors);
    const std::optional<wire::Frame> answer = wire::wait_frame(socket->get(), kWelcomeDeadline);
    if (!answer) return say_why("it does not answer");
    if (answer->tag() == wire::Tag::Failure) return say_why(answer->as<wire::Failure>().message);
    return SupervisorConnection{.socket = std::move(*socket),
                                .workers_max = answer->as<wire::Welcome>().workers_max};
  } catch (const Error& failure) {
    return say_why(failure.what());
  }
}

}  // namespace

std::optional<posix::UniqueFd> connect_shared(const std::string& path) {
  std::optional<posix::UniqueFd> socket = posix::connect_local(path);
  if (!socket) return std::nullopt;
  // It will be told tokens.
  const posix::Peer peer = posix::peer_of(socket->get());
  if (peer.uid == ::geteuid()) return socket;
  log::warn("the supervisor at " + path + " is not used: it is of user " + std::to_string(peer.uid));
  return std::nullopt;
}

SupervisorConnection reach_supervisor(const HubOptions& options, std::uint64_t first_worker) {
  const wire::Hello hello = hello_of(options, first_worker);
  const std::string path = options.socket.value_or(shared_socket());
  if (!path.empty()) {
    if (std::optional<SupervisorConnection> shared = enter_shared(path, hello)) return std::move(*shared);
  }
  return {.socket = start_private(hello), .is_private = true};
}

SupervisorConnection attach_to_supervisor(int socket, const HubOptions& options) {
  auto [ours, theirs] = posix::make_message_socket_pair();
  const std::array descriptors{theirs.get()};
  // Where the supervisor has gone, the first request finds that out.
  wire::send_frame(socket, 0, wire::Attach{}, descriptors);
  wire::send_frame(ours.get(), 0, hello_of(options, 1));
  return {.socket = std::move(ours), .is_private = true};
}

}  // namespace hubcell::client

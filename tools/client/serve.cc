#include <hubcell/serve.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"
#include "shared/posix/private_folder.h"
#include "shared/wire/frame.h"
#include "tools/client/installation.h"
#include "tools/client/supervisor_connection.h"

namespace hubcell {
namespace {

// How long the supervisor may take to answer what it can answer at once.
constexpr std::chrono::seconds kAnswerDeadline{10};
constexpr std::chrono::hours kFollowDeadline{24 * 365};

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Everybody's own, since /tmp is everybody's.
std::string default_folder() {
  return "/tmp/hubcell-" + std::to_string(::geteuid()) + "-serve";
}

constexpr const char* kKinds[] = {"debug", "info", "warning", "error", "printed"};

SupervisorLogLine line_of(const wire::LogLine& line) {
  return {.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(line.time_ms)),
          .kind = kKinds[static_cast<std::size_t>(line.kind)],
          .worker = line.worker,
          .text = line.text};
}

RunningWorker worker_of(const wire::RunningWorker& worker) {
  using Ms = std::chrono::milliseconds;
  return {.pid = worker.pid,
          .label = worker.label,
          .entry = worker.entry,
          .state = worker.state,
          .calls = worker.calls,
          .sandbox = worker.sandbox,
          .program_pid = worker.program_pid,
          .program = worker.program,
          .age = Ms(worker.age_ms),
          .idle = Ms(worker.idle_ms),
          .processor_time = Ms(worker.cpu_ms),
          .private_bytes = worker.private_bytes,
          .shared_bytes = worker.shared_bytes,
          .weights_bytes = worker.weights_bytes,
          .common_weights_bytes = worker.common_weights_bytes};
}

}  // namespace

// One request at a time.
class client::AdminConnection {
 public:
  explicit AdminConnection(const std::string& path) : path_(path) {
    if (std::optional<posix::UniqueFd> socket = connect_shared(path)) socket_ = std::move(*socket);
    if (!socket_) {
      throw Error(ErrorCode::System, "ask the shared supervisor: none answers at " +
                                         (path.empty() ? "HUBCELL_SOCKET, which is empty" : path) +
                                         "; hubcell serve starts one");
    }
  }

  template <class Body>
  void ask(const Body& body) {
    wire::send_frame(socket_.get(), 1, body);
  }

  wire::Frame await(std::chrono::milliseconds deadline = kAnswerDeadline) {
    std::optional<wire::Frame> frame;
    try {
      frame = wire::wait_frame(socket_.get(), deadline);
    } catch (const wire::PeerEnded&) {
      throw wire::PeerEnded(ErrorCode::System, "ask the supervisor at " + path_ + ": it has ended");
    }
    if (!frame) throw Error(ErrorCode::System, "ask the supervisor at " + path_ + ": it does not answer");
    if (frame->tag() != wire::Tag::Failure) return std::move(*frame);
    const auto failure = frame->as<wire::Failure>();
    throw Error(failure.code, failure.message);
  }

  // Nothing is said on it unasked: what can be read is its end.
  bool is_closed_within(std::chrono::milliseconds deadline) const {
    return posix::wait_readable(socket_.get(), deadline);
  }

 private:
  std::string path_;
  posix::UniqueFd socket_;
};

std::string shared_socket() {
  if (std::getenv("HUBCELL_SOCKET") != nullptr) return environment_value("HUBCELL_SOCKET");
  const std::string runtime = environment_value("XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) return runtime + "/hubcell.sock";
  return default_folder() + "/hubcell.sock";
}

void serve(const ServeOptions& options) {
  const std::string program = client::find_supervisor();
  const std::string socket = options.socket.empty() ? shared_socket() : options.socket;
  if (socket.empty()) throw Error(ErrorCode::Usage, "serve: HUBCELL_SOCKET is empty; name a socket");
  if (socket.starts_with(default_folder() + "/"))
    posix::make_private_root(socket.substr(0, socket.rfind('/')));
  std::vector<std::string> words{program,
                                 "--socket",
                                 socket,
                                 "--programs",
                                 std::to_string(options.programs),
                                 "--workers",
                                 std::to_string(options.workers),
                                 "--worker-memory",
                                 std::to_string(options.worker_memory_bytes),
                                 "--unload-idle-ms",
                                 std::to_string(options.unload_idle.count()),
                                 "--drain-ms",
                                 std::to_string(options.drain.count()),
                                 "--warm",
                                 options.warm ? "1" : "0"};
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  throw Error(ErrorCode::System, "start " + program + ": " + std::generic_category().message(errno));
}

SharedSupervisor::SharedSupervisor(const std::string& socket)
    : connection_(std::make_unique<client::AdminConnection>(socket.empty() ? shared_socket() : socket)) {}
SharedSupervisor::~SharedSupervisor() = default;

RunningSupervisor SharedSupervisor::look() {
  connection_->ask(wire::ListWorkers{});
  std::vector<RunningWorker> workers;
  for (;;) {
    const wire::Frame frame = connection_->await();
    if (frame.tag() == wire::Tag::RunningWorker) {
      workers.push_back(worker_of(frame.as<wire::RunningWorker>()));
      continue;
    }
    const auto supervisor = frame.as<wire::RunningSupervisor>();
    return {.pid = supervisor.pid,
            .age = std::chrono::milliseconds(supervisor.age_ms),
            .programs = supervisor.programs,
            .templates = supervisor.templates,
            .private_bytes = supervisor.private_bytes,
            .weights_bytes = supervisor.weights_bytes,
            .is_draining = supervisor.is_draining,
            .workers = std::move(workers)};
  }
}

void SharedSupervisor::stop_worker(std::int64_t pid) {
  if (pid <= 0) throw Error(ErrorCode::Usage, "stop worker " + std::to_string(pid) + ": that is no pid");
  connection_->ask(wire::Stop{.pid = pid});
  connection_->await().as<wire::Stopped>();
}

void SharedSupervisor::stop() {
  connection_->ask(wire::Stop{});
  connection_->await().as<wire::Stopped>();
}

bool SharedSupervisor::wait_for_end(std::chrono::milliseconds deadline) {
  return connection_->is_closed_within(deadline);
}

void SharedSupervisor::read_log(bool follow, const std::function<void(const SupervisorLogLine&)>& take) {
  connection_->ask(wire::ReadLog{.follow = follow});
  const auto next = [&]() -> std::optional<wire::Frame> {
    try {
      return connection_->await(follow ? std::chrono::milliseconds(kFollowDeadline) : kAnswerDeadline);
    } catch (const wire::PeerEnded&) {
      if (follow) return std::nullopt;
      throw;
    }
  };
  while (const std::optional<wire::Frame> frame = next()) {
    if (frame->tag() != wire::Tag::LogLine) {
      frame->as<wire::LogEnd>();
      return;
    }
    take(line_of(frame->as<wire::LogLine>()));
  }
}

}  // namespace hubcell

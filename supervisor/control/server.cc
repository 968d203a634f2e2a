#include "supervisor/control/server.h"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/local_socket.h"
#include "shared/posix/process_use.h"
#include "supervisor/control/admin.h"
#include "supervisor/process/interpreter.h"

namespace hubcell::control {
namespace {

using process::Task;
using Clock = std::chrono::steady_clock;

// Whoever connects says what it wants at once.
constexpr process::Milliseconds kFirstFrameDeadline{10'000};
// Connections that are no programs: of ps, top, logs, and of programs that have not said so yet.
constexpr std::size_t kOthersMax = 64;
constexpr process::Milliseconds kLookEvery{1000};
constexpr process::Milliseconds kRestLookEvery{20};
constexpr process::Milliseconds kLastWords{300};
// After descriptors have run out, say.
constexpr process::Milliseconds kAcceptPause{5000};

}  // namespace

Server::Server(Host& host, ServerPlan plan, posix::UniqueFd listener, std::shared_ptr<LogBook> log)
    : host_(host),
      plan_(std::move(plan)),
      listener_(std::move(listener)),
      log_(std::move(log)),
      signals_(host.loop, SIGTERM, SIGINT),
      stopping_(host.loop),
      at_once_(host.loop) {
  // nohup ignores it on purpose.
  struct sigaction hangup {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) signals_.add(SIGHUP);
  log::set_listener([book = log_](log::Level level, std::string_view message, const log::About& about) {
    const std::string event = about.event.empty() ? "" : std::string(about.event) + ": ";
    book->note(static_cast<wire::LogKind>(level), about.worker, event + std::string(message));
  });
}

Server::~Server() {
  log::set_listener(nullptr);
}

Task<void> Server::run() {
  for (Task<void> (Server::*part)() :
       {&Server::accept_programs, &Server::wait_for_signals, &Server::look_after_workers, &Server::warm_up})
    process::asio::co_spawn(host_.loop, (this->*part)(), process::asio::detached);
  co_await stopping_.wait(process::Milliseconds::max());
  co_await come_to_rest();
}

// What a program of this environment asks for that names no other. Without torch there is none: that is no failure of ours.
Task<void> Server::warm_up() {
  if (!plan_.warm) co_return;
  try {
    const process::Environment environment = process::Environment::own();
    const std::function<bool(const std::string&)> none_runs = [](const std::string&) { return false; };
    const std::string python =
        co_await process::choose_interpreter(host_.loop, "", environment, "/", none_runs, host_.torchless);
    co_await host_.templates.get(host_.plan_template(python, environment, wire::WorkerOutput::Prefixed));
  } catch (const std::exception& failure) {
    log::info(std::string("no interpreter is started ahead: ") + failure.what());
  }
}

Task<void> Server::accept_programs() {
  while (!is_stopping()) {
    if (!co_await process::wait_readable(host_.loop, listener_.get(), kLookEvery)) continue;
    std::optional<posix::UniqueFd> connection;
    bool has_failed = false;
    try {
      connection = posix::accept_local(listener_.get());
    } catch (const Error& failure) {
      has_failed = true;
      log::error(failure.what());
    }
    if (connection)
      process::asio::co_spawn(host_.loop, let_in(std::move(*connection)), process::asio::detached);
    // It would fail again at once.
    if (has_failed) co_await process::pause(host_.loop, kAcceptPause);
  }
}

// Only programs of this user: root's, too, would have what they load run as this user.
Task<void> Server::let_in(posix::UniqueFd connection) {
  const posix::Peer peer = posix::peer_of(connection.get());
  process::FrameSocket socket(host_.loop, std::move(connection));
  if (peer.uid != ::geteuid()) {
    log::warn("a program of user " + std::to_string(peer.uid) + " was refused");
    co_return;
  }
  if (connections_ - programs_.size() >= kOthersMax) {
    log::warn("a program was refused: " + std::to_string(kOthersMax) + " others are just coming in");
    co_return;
  }
  ++connections_;
  try {
    co_await serve(std::move(socket), peer.pid);
  } catch (const std::exception& failure) {
    log::error("program " + std::to_string(peer.pid) + ": " + failure.what());
  }
  --connections_;
}

Task<void> Server::serve(process::FrameSocket socket, std::int64_t pid) {
  if (!co_await socket.readable(kFirstFrameDeadline)) co_return;
  std::optional<wire::Frame> first = co_await socket.receive();
  if (!first) co_return;
  if (first->tag() == wire::Tag::Hello) {
    co_await serve_program(std::move(socket), std::move(*first), pid);
  } else {
    co_await answer_admin(*this, std::move(socket), std::move(*first));
  }
}

// Why a program may not come in; empty where it may.
std::string Server::refusal_of(const wire::Hello& hello) const {
  if (hello.protocol_version != wire::kProtocolVersion) return "it is of another version of hubcell";
  if (is_stopping()) return "it is about to end";
  if (programs_.size() < plan_.programs_max) return "";
  return std::to_string(plan_.programs_max) + " programs use it, and no more may";
}

Task<void> Server::serve_program(process::FrameSocket socket, wire::Frame first, std::int64_t pid) {
  const auto hello = first.as<wire::Hello>();
  std::vector<posix::UniqueFd> streams = first.take_descriptors(2);
  if (const std::string refusal = refusal_of(hello); !refusal.empty()) {
    socket.send(first.request(), wire::Failure{.code = ErrorCode::System, .message = refusal});
    co_return;
  }
  socket.send(first.request(), wire::Welcome{.workers_max = host_.quotas.workers});
  auto caller = std::make_shared<process::CallerStreams>(
      process::CallerStreams::adopt(std::move(streams[0]), std::move(streams[1])));
  caller->reader = [book = log_](std::string_view worker, std::string_view line) {
    book->note(wire::LogKind::Printed, worker, line);
  };
  const auto session = std::make_shared<Session>(host_, std::move(socket), std::move(caller));
  const std::string name = posix::name_of(static_cast<pid_t>(pid));
  const std::string shown = "program " + name + " (" + std::to_string(pid) + ")";
  log::info(shown + " has come");
  const auto program = programs_.insert(programs_.end(), {.session = session, .pid = pid, .name = name});
  std::exception_ptr failure;
  try {
    co_await session->run(hello);
  } catch (...) {
    failure = std::current_exception();
  }
  programs_.erase(program);
  log::info(shown + " has left");
  if (failure) std::rethrow_exception(failure);
}

Task<void> Server::wait_for_signals() {
  for (;;) {
    boost::system::error_code failure;
    co_await signals_.async_wait(process::asio::redirect_error(process::asio::use_awaitable, failure));
    if (failure) co_return;
    stop();
  }
}

void Server::stop() {
  if (is_stopping()) return at_once_.happen();
  log::info("it is to end: nobody is let in any more");
  // What connects from now on finds nobody, and goes on with a supervisor of its own.
  if (!plan_.socket_path.empty()) ::unlink(plan_.socket_path.c_str());
  stopping_.happen();
}

Task<void> Server::look_after_workers() {
  for (;;) {
    for (const Program& program : programs_) {
      for (const std::shared_ptr<Worker>& worker : program.session->workers()) {
        worker->look();
        if (plan_.unload_idle.count() > 0 && worker->idle() >= plan_.unload_idle)
          worker->stop("was unloaded: nobody used it for " +
                       std::to_string(plan_.unload_idle.count() / 1000) + " s");
      }
    }
    co_await process::pause(host_.loop, kLookEvery);
  }
}

bool Server::is_at_rest() const {
  return std::ranges::all_of(programs_, [](const Program& program) {
    return std::ranges::all_of(program.session->workers(),
                               [](const std::shared_ptr<Worker>& worker) { return worker->calls() == 0; });
  });
}

Task<void> Server::come_to_rest() {
  const auto end = Clock::now() + plan_.drain;
  while (!is_at_rest() && Clock::now() < end && !at_once_.happened())
    co_await at_once_.wait(kRestLookEvery);
  for (const Program& program : programs_) {
    for (const std::shared_ptr<Worker>& worker : program.session->workers())
      worker->stop("was stopped: its supervisor was told to end");
  }
  // Whoever waits for one of them asks what became of it.
  co_await process::pause(host_.loop, kLastWords);
}

}  // namespace hubcell::control

#include "supervisor/control/admin.h"

#include <unistd.h>

#include <algorithm>

#include <hubcell/error.h>

#include "shared/posix/process_use.h"
#include "shared/wire/serve_messages.h"
#include "supervisor/control/server.h"

namespace hubcell::control {
namespace {

using process::Task;
using Clock = std::chrono::steady_clock;

constexpr process::Milliseconds kLookForLinesEvery{100};
// A reader that does not read is not waited for, and its lines are not kept for it beyond the book.
constexpr std::size_t kLinesAtOnce = 256;

std::uint64_t ms_since(Clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - time).count());
}

template <typename Visit>
void for_each_worker(const Server& server, Visit visit) {
  for (const Program& program : server.programs()) {
    for (const std::shared_ptr<Worker>& worker : program.session->workers()) {
      if (!worker->ended().happened() && worker->pid() != 0) visit(program, *worker);
    }
  }
}

wire::RunningWorker describe(const Program& program, Worker& worker) {
  worker.look();
  const auto pid = static_cast<pid_t>(worker.pid());
  const posix::ProcessUse use = posix::use_of(pid);
  const weights::WorkerSegments::Use weights = worker.segments().use();
  return {.pid = worker.pid(),
          .label = worker.label(),
          .entry = worker.entry(),
          .state = std::string(worker.state_name()),
          .calls = worker.calls(),
          .sandbox = worker.sandbox(),
          .program_pid = program.pid,
          .program = program.name,
          .age_ms = ms_since(worker.began()),
          .idle_ms = static_cast<std::uint64_t>(worker.idle().count()),
          .cpu_ms = static_cast<std::uint64_t>(worker.processor_time().count()),
          .private_bytes = use.private_bytes,
          .shared_bytes = use.shared_bytes,
          .weights_bytes = weights.bytes,
          .common_weights_bytes = weights.common_bytes};
}

void list_workers(const Server& server, process::FrameSocket& socket, std::uint64_t request) {
  for_each_worker(server, [&](const Program& program, Worker& worker) {
    socket.send(request, describe(program, worker));
  });
  socket.send(request, wire::RunningSupervisor{.pid = ::getpid(),
                                               .age_ms = ms_since(server.began()),
                                               .programs = server.programs().size(),
                                               .templates = server.template_count(),
                                               .private_bytes = posix::use_of(::getpid()).private_bytes,
                                               .weights_bytes = server.weights_bytes(),
                                               .is_draining = server.is_stopping()});
}

void stop(Server& server, std::int64_t pid) {
  if (pid == 0) return server.stop();
  bool is_there = false;
  for_each_worker(server, [&](const Program&, Worker& worker) {
    if (worker.pid() != pid) return;
    is_there = true;
    worker.stop("was stopped by hubcell stop");
  });
  if (!is_there)
    throw Error(ErrorCode::Usage, "stop worker " + std::to_string(pid) + ": none of that number runs here");
}

Task<void> read_log(const Server& server, process::FrameSocket& socket, std::uint64_t request, bool follow) {
  std::uint64_t number = 0;
  for (;;) {
    std::size_t sent = 0;
    for (const wire::LogLine* line = server.log().find(number); line != nullptr && sent < kLinesAtOnce;
         line = server.log().find(++number), ++sent) {
      if (!follow) {
        if (!socket.send(request, *line)) co_return;
      } else if (!socket.offer(request, *line)) {
        break;
      }
    }
    if (sent == kLinesAtOnce) continue;
    if (!follow) break;
    // Whoever follows says nothing more: what can be read is its end.
    if (co_await socket.readable(kLookForLinesEvery)) co_return;
  }
  socket.send(request, wire::LogEnd{});
}

Task<void> answer(Server& server, process::FrameSocket& socket, const wire::Frame& frame) {
  switch (frame.tag()) {
    case wire::Tag::ListWorkers:
      static_cast<void>(frame.as<wire::ListWorkers>());
      list_workers(server, socket, frame.request());
      co_return;
    case wire::Tag::Stop:
      stop(server, frame.as<wire::Stop>().pid);
      socket.send(frame.request(), wire::Stopped{});
      co_return;
    case wire::Tag::ReadLog:
      co_await read_log(server, socket, frame.request(), frame.as<wire::ReadLog>().follow);
      co_return;
    default:
      frame.unexpected();
  }
}

}  // namespace

Task<void> answer_admin(Server& server, process::FrameSocket socket, wire::Frame first) {
  std::optional<wire::Frame> frame = std::move(first);
  while (frame) {
    std::optional<Error> refusal;
    try {
      co_await answer(server, socket, *frame);
    } catch (const Error& failure) {
      refusal = failure;
    }
    if (refusal) {
      socket.send(frame->request(), wire::Failure{.code = refusal->code(), .message = refusal->what()});
      if (refusal->code() == ErrorCode::Protocol) throw Error(*refusal);
    }
    frame = co_await socket.receive();
  }
}

}  // namespace hubcell::control

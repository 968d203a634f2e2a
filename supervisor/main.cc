// hubcell-supervisor: starts templates, workers and fetchers.
//
// Without arguments for one program, with which it ends. Descriptor 3 is the control socket; 1 and 2 are the program's own, for what workers print: nothing but that goes
// to 1. The process detaches at once, so that it is not the program's child and the program's own wait() never
// meets it.
//
// With arguments (serve_arguments.h) for all programs of its user that connect to its socket, until it is told to end.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "shared/base/log.h"
#include "shared/posix/local_socket.h"
#include "shared/posix/private_folder.h"
#include "shared/posix/process_use.h"
#include "supervisor/control/server.h"
#include "supervisor/control/session.h"
#include "supervisor/serve_arguments.h"

namespace {

constexpr int kControlDescriptor = 3;
constexpr std::size_t kSessionsMax = 256;
constexpr std::chrono::seconds kRemovalDeadline{10};

void detach() {
  const pid_t child = ::fork();
  if (child < 0) {
    std::perror("hubcell-supervisor: fork");
    ::_exit(1);
  }
  if (child > 0) ::_exit(0);
  ::setsid();
}

// It holds the program's tokens. A worker whose sandbox is off is a process of the same user, and could trace it; whatever
// the supervisor starts begins anew with execve. There is no Landlock here, and no filter of system calls: workers would
// inherit both, and with Landlock nobody makes a tree of mounts.
void close_to_tracers() {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
#ifndef HUBCELL_SANITIZED  // which end by tracing themselves, in search of leaks
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

hubcell::control::Installation find_installation() {
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return {.fetcher = folder / "hubcell-fetch", .extension = folder / "_hubcell_worker.abi3.so"};
}

// The sessions of one program, one for each of its Hubs that are beside each other.
class ProgramSessions {
 public:
  ProgramSessions(hubcell::control::Host& host, std::shared_ptr<hubcell::process::CallerStreams> streams)
      : host_(host), streams_(std::move(streams)) {
    host.attach = [this](hubcell::posix::UniqueFd socket) { let_in(std::move(socket)); };
  }

  // The loop stops when the last has ended.
  void let_in(hubcell::posix::UniqueFd socket) {
    if (count_ >= kSessionsMax)
      return hubcell::log::warn("a Hub was refused: too many are beside each other");
    ++count_;
    boost::asio::co_spawn(host_.loop, serve(std::move(socket)), boost::asio::detached);
  }

 private:
  hubcell::process::Task<void> serve(hubcell::posix::UniqueFd descriptor) {
    try {
      hubcell::process::FrameSocket socket(host_.loop, std::move(descriptor));
      const std::optional<hubcell::wire::Frame> first = co_await socket.receive();
      if (first) {
        const auto session = std::make_shared<hubcell::control::Session>(host_, std::move(socket), streams_);
        co_await session->run(first->as<hubcell::wire::Hello>());
      }
    } catch (const std::exception& failure) {
      hubcell::log::error(failure.what());
    }
    if (--count_ == 0) host_.loop.stop();
  }

  hubcell::control::Host& host_;
  std::shared_ptr<hubcell::process::CallerStreams> streams_;
  std::size_t count_ = 0;
};

hubcell::process::Task<void> serve_all(hubcell::control::Server& server, boost::asio::io_context& loop) {
  co_await server.run();
  loop.stop();
}

void sweep() {
  hubcell::posix::finish_removals(hubcell::process::sweep_worker_folders(), kRemovalDeadline);
}

// Each worker and each of its weights takes some; sandboxes set bounds of their own.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Some weights that nobody uses stay, for whoever loads the same next.
std::shared_ptr<hubcell::weights::SegmentStore> make_store(boost::asio::io_context& loop) {
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  const hubcell::weights::SegmentStore::Bounds bounds{
      .unused_bytes = std::min(hubcell::posix::machine_memory_bytes() / 16, std::uint64_t{1} << 30),
      .segments = std::min<std::size_t>(descriptors.rlim_cur / 2, 1 << 16)};
  return std::make_shared<hubcell::weights::SegmentStore>(loop, bounds);
}

int be_private() {
  using namespace hubcell;
  detach();
  allow_many_descriptors();
  // The terminal's Ctrl-C is the program's to handle: its end is ours.
  for (const int ignored : {SIGINT, SIGHUP, SIGQUIT})
    std::signal(ignored, SIG_IGN);
  boost::asio::io_context loop(1);
  const auto streams = std::make_shared<hubcell::process::CallerStreams>();
  hubcell::control::Host host{.loop = loop,
                              .installation = find_installation(),
                              .templates = hubcell::control::TemplatePool(loop, streams),
                              .weights = make_store(loop)};
  ProgramSessions sessions(host, streams);
  sessions.let_in(posix::UniqueFd(kControlDescriptor));
  loop.run();
  sweep();
  return 0;
}

int be_shared(std::span<const char* const> words) {
  using namespace hubcell;
  control::ServeArguments arguments = control::parse_serve_arguments(words);
  allow_many_descriptors();
  std::optional<posix::UniqueFd> listener = control::take_activated_socket();
  if (!listener) {
    listener = posix::listen_local(arguments.socket);
    arguments.plan.socket_path = arguments.socket;
  } else {
    // Somebody is there already, who asks for what is needed, in an environment that may be another than systemd's.
    arguments.plan.warm = false;
  }
  boost::asio::io_context loop(1);
  const auto log = std::make_shared<control::LogBook>();
  const auto streams = std::make_shared<process::CallerStreams>();
  streams->reader = [log](std::string_view name, std::string_view line) {
    log->note(wire::LogKind::Printed, name, line);
  };
  control::Host host{.loop = loop,
                     .installation = find_installation(),
                     .quotas = arguments.quotas,
                     .template_output = wire::WorkerOutput::Prefixed,
                     .templates = control::TemplatePool(loop, streams),
                     .weights = make_store(loop)};
  control::Server server(host, arguments.plan, std::move(*listener), log);
  log::info("serves at " + (arguments.socket.empty() ? "systemd's socket" : arguments.socket));
  boost::asio::co_spawn(loop, serve_all(server, loop), boost::asio::detached);
  loop.run();
  sweep();
  log::info("has ended");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  close_to_tracers();
  std::signal(SIGPIPE, SIG_IGN);
  if (count == 1) return be_private();
  try {
    return be_shared({words + 1, static_cast<std::size_t>(count) - 1});
  } catch (const std::exception& failure) {
    hubcell::log::error(failure.what());
    return 1;
  }
}

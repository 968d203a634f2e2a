// hubcell-supervisor: starts templates, workers and fetchers for one program, and ends with it.
//
// Descriptor 3 is the control socket; 1 and 2 are the program's own, for what workers print: nothing but that goes
// to 1. The process detaches at once, so that it is not the program's child and the program's own wait() never
// meets it.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "shared/base/log.h"
#include "shared/posix/private_folder.h"
#include "supervisor/control/session.h"

namespace {

constexpr int kControlDescriptor = 3;
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

hubcell::process::Task<void> serve_program(hubcell::control::Host& host,
                                           std::shared_ptr<hubcell::process::CallerStreams> streams) {
  try {
    hubcell::process::FrameSocket socket(host.loop, hubcell::posix::UniqueFd(kControlDescriptor));
    const std::optional<hubcell::wire::Frame> first = co_await socket.receive();
    if (first) {
      const auto session = std::make_shared<hubcell::control::Session>(host, std::move(socket), streams);
      co_await session->run(first->as<hubcell::wire::Hello>());
    }
  } catch (const std::exception& failure) {
    hubcell::log::error(failure.what());
  }
  host.loop.stop();
}

}  // namespace

int main() {
  detach();
  close_to_tracers();
  // The terminal's Ctrl-C is the program's to handle: its end is ours.
  for (const int ignored : {SIGINT, SIGHUP, SIGPIPE, SIGQUIT})
    std::signal(ignored, SIG_IGN);
  boost::asio::io_context loop(1);
  const auto streams = std::make_shared<hubcell::process::CallerStreams>();
  hubcell::control::Host host{.loop = loop,
                              .installation = find_installation(),
                              .templates = hubcell::control::TemplatePool(loop, streams)};
  boost::asio::co_spawn(loop, serve_program(host, streams), boost::asio::detached);
  loop.run();
  hubcell::posix::finish_removals(hubcell::process::sweep_worker_folders(), kRemovalDeadline);
  return 0;
}

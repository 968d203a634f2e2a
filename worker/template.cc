#include "worker/template.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include <hubcell/error.h>

#include "shared/python/python.h"
#include "worker/serve.h"

namespace hubcell::worker {
namespace {

constexpr std::chrono::seconds kRemovalDeadline{10};

// A child that was forked while another thread held a lock would wait for it for ever.
void require_single_thread() {
  if (const std::size_t threads = posix::thread_count(); threads != 1) {
    throw Error(ErrorCode::System, "the interpreter runs " + std::to_string(threads) +
                                       " threads, and workers are forked from one");
  }
}

// What this machine can hold; where it cannot even be tried, that is what the report says.
wire::LayersProbed probe_layers() {
  wire::LayersProbed report;
  try {
    report.layers = reports_of(sandbox::probe_layers());
  } catch (const Error& failure) {
    report.layers.push_back({.name = "sandbox", .holds = false, .detail = failure.what()});
  }
  return report;
}

}  // namespace

Template::Template(posix::UniqueFd socket, const std::string& folder)
    : socket_(std::move(socket)),
      folder_(folder),
      steps_(folder),
      seccomp_(sandbox::SeccompProgram::compile()) {
  scratch_root_ = posix::temporary_root("");
  removals_ = posix::sweep_private_folders(scratch_root_);
  wire::send_frame(socket_.get(), 0,
                   wire::TemplateReady{.python_version = steps_.python_version(),
                                       .torch_version = steps_.torch_version()});
}

void Template::run() {
  serve();
  end();
}

void Template::serve() {
  while (wait()) {
    reap_ended();
    while (std::optional<posix::Message> message = posix::receive_message(socket_.get())) {
      if (message->bytes.empty()) return;
      take_frame(wire::Frame(std::move(*message)));
    }
  }
}

void Template::reap_ended() {
  std::vector<std::uint64_t> ended;
  for (const auto& [worker, child] : children_) {
    if (posix::has_ended(child.process.pidfd())) ended.push_back(worker);
  }
  for (const std::uint64_t worker : ended)
    reap(worker);
  std::erase_if(removals_,
                [](const posix::ChildProcess& removal) { return posix::has_ended(removal.pidfd()); });
}

// A folder that takes longer to remove than anybody waits is left to the next start.
void Template::end() {
  for (auto& [worker, child] : children_)
    child.process.kill(SIGKILL);
  for (auto& [worker, child] : children_) {
    child.process.wait();
    remove_scratch(child.scratch);
  }
  posix::finish_removals(std::move(removals_), kRemovalDeadline);
}

bool Template::wait() {
  std::vector<pollfd> entries{{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
  for (const auto& [worker, child] : children_)
    entries.push_back({.fd = child.process.pidfd(), .events = POLLIN, .revents = 0});
  for (const posix::ChildProcess& removal : removals_)
    entries.push_back({.fd = removal.pidfd(), .events = POLLIN, .revents = 0});
  while (::poll(entries.data(), entries.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

void Template::reap(std::uint64_t worker) {
  auto child = children_.extract(worker);
  const posix::ExitStatus status = child.mapped().process.wait();
  remove_scratch(child.mapped().scratch);
  wire::send_frame(
      socket_.get(), 0,
      wire::WorkerEnded{.worker = worker, .exit_code = status.exit_code, .signal = status.signal});
}

void Template::remove_scratch(const posix::PrivateFolder& scratch) {
  if (std::optional<posix::ChildProcess> removal = scratch.remove()) removals_.push_back(std::move(*removal));
}

void Template::take_frame(wire::Frame frame) {
  if (frame.tag() == wire::Tag::ProbeLayers) {
    const wire::LayersProbed report = probe_layers();
    wire::send_frame(socket_.get(), 0, report);
    return;
  }
  const auto order = frame.as<wire::ForkWorker>();
  try {
    fork_worker(std::move(frame));
  } catch (const Error& failure) {
    wire::send_frame(socket_.get(), 0, wire::WorkerFailed{.worker = order.worker, .message = failure.what()});
  }
}

void Template::fork_worker(wire::Frame frame) {
  const auto order = frame.as<wire::ForkWorker>();
  std::vector<posix::UniqueFd> descriptors = frame.take_descriptors(4);
  require_single_thread();
  if (!missing_layers_) missing_layers_ = sandbox::missing_layers(seccomp_);
  posix::PrivateFolder scratch = posix::PrivateFolder::create(scratch_root_);
  const pid_t parent = ::getpid();
  PyOS_BeforeFork();
  const pid_t pid = ::fork();
  if (pid == 0) {
    PyOS_AfterFork_Child();
    WorkerStart start{.order = order,
                      .control = std::move(descriptors[0]),
                      .memory = std::move(descriptors[1]),
                      .output = std::move(descriptors[2]),
                      .errors = std::move(descriptors[3]),
                      .scratch = scratch.path(),
                      .folder = folder_,
                      .parent = parent,
                      .missing_layers = *missing_layers_};
    run_worker(std::move(start), steps_, seccomp_);
  }
  PyOS_AfterFork_Parent();
  if (pid < 0) throw Error(ErrorCode::System, "the system has no room for another process");
  posix::ChildProcess process = posix::ChildProcess::adopt(pid);
  const int pidfd = process.pidfd();
  children_.emplace(order.worker, Child{.scratch = std::move(scratch), .process = std::move(process)});
  wire::send_frame(socket_.get(), 0, wire::WorkerForked{.worker = order.worker, .pid = pid},
                   std::span(&pidfd, 1));
}

}  // namespace hubcell::worker

#include "worker/template.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/python/python.h"
#include "worker/serve.h"

namespace hubcell::worker {
namespace {

constexpr std::chrono::seconds kRemovalDeadline{10};
// So long after the last order or end the next worker is forked: a worker that starts has the processors until then.
constexpr std::chrono::milliseconds kQuietBeforeSpare{50};

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
                                       .torch_version = steps_.torch_version(),
                                       .bytecode_tag = steps_.bytecode_tag()});
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
  if (spare_) remove_scratch(spare_->scratch);  // nothing lies in it
  spare_.reset();
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
  for (bool may_fork = !spare_;; may_fork = false) {
    const int timeout = may_fork ? static_cast<int>(kQuietBeforeSpare.count()) : -1;
    const int ready = ::poll(entries.data(), entries.size(), timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0) fork_spare();
  }
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
  std::optional<Child> ready = start_by_spare(order, descriptors);
  Child child = ready ? std::move(*ready) : start_worker(order, std::move(descriptors));
  const wire::WorkerForked answer{.worker = order.worker, .pid = child.process.pid()};
  const int pidfd = child.process.pidfd();
  children_.emplace(order.worker, std::move(child));
  wire::send_frame(socket_.get(), 0, answer, std::span(&pidfd, 1));
}

void Template::prepare_fork() {
  require_single_thread();
  if (!missing_layers_) missing_layers_ = sandbox::missing_layers(seccomp_);
}

// `run` does not return.
template <typename Run>
posix::ChildProcess Template::fork_child(Run run) {
  PyOS_BeforeFork();
  const pid_t pid = ::fork();
  if (pid == 0) {
    PyOS_AfterFork_Child();
    run();
  }
  PyOS_AfterFork_Parent();
  if (pid < 0) throw Error(ErrorCode::System, "the system has no room for another process");
  return posix::ChildProcess::adopt(pid);
}

Template::Child Template::start_worker(const wire::ForkWorker& order,
                                       std::vector<posix::UniqueFd> descriptors) {
  prepare_fork();
  posix::PrivateFolder scratch = posix::PrivateFolder::create(scratch_root_);
  const pid_t own = ::getpid();
  posix::ChildProcess process = fork_child([&] {
    WorkerStart start{.order = order,
                      .scratch = scratch.path(),
                      .folder = folder_,
                      .parent = own,
                      .missing_layers = *missing_layers_};
    take_descriptors(start, std::move(descriptors));
    run_worker(std::move(start), steps_, seccomp_);
  });
  return {.scratch = std::move(scratch), .process = std::move(process)};
}

std::optional<Template::Child> Template::start_by_spare(const wire::ForkWorker& order,
                                                        const std::vector<posix::UniqueFd>& descriptors) {
  if (!spare_) return std::nullopt;
  Spare spare = std::move(*spare_);
  spare_.reset();
  if (spare.order(order, descriptors))
    return Child{.scratch = std::move(spare.scratch), .process = std::move(spare.process)};
  remove_scratch(spare.scratch);
  return std::nullopt;
}

// What fails here fails in the next order too, which has somebody to tell it to.
void Template::fork_spare() {
  try {
    prepare_fork();
    posix::PrivateFolder scratch = posix::PrivateFolder::create(scratch_root_);
    auto [ours, theirs] = posix::make_message_socket_pair();
    const pid_t own = ::getpid();
    posix::ChildProcess process = fork_child([&] {
      WorkerStart start{
          .scratch = scratch.path(), .folder = folder_, .parent = own, .missing_layers = *missing_layers_};
      wait_as_spare(std::move(theirs), std::move(start), steps_, seccomp_);
    });
    spare_.emplace(
        Spare{.scratch = std::move(scratch), .process = std::move(process), .socket = std::move(ours)});
  } catch (const Error& failure) {
    log::debug(failure.what());
  }
}

}  // namespace hubcell::worker

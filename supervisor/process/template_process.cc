#include "supervisor/process/template_process.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <csignal>

#include <hubcell/error.h>

#include "shared/base/log.h"

namespace hubcell::process {
namespace {

constexpr Milliseconds kEndGrace{3000};

// The caller's folder is no longer on sys.path when the extension imports torch: a types.py there must not
// matter.
constexpr const char* kBootCode =
    "import sys; sys.path.pop(0)\n"
    "from importlib import util\n"
    "spec = util.spec_from_file_location('_hubcell_worker', sys.argv[1])\n"
    "module = util.module_from_spec(spec); spec.loader.exec_module(module)\n"
    "module.run_template(3)\n";

}  // namespace

TemplateProcess::TemplateProcess(asio::io_context& loop, std::string python, posix::ChildProcess process,
                                 posix::UniqueFd socket)
    : loop_(loop),
      python_(std::move(python)),
      process_(std::move(process)),
      socket_(loop, std::move(socket)) {}

// End of file makes it end its workers and remove their folders by itself; it is killed only where it does
// not.
TemplateProcess::~TemplateProcess() {
  socket_.close();
  if (process_) posix::wait_readable(process_.pidfd(), kEndGrace);
}

Task<std::shared_ptr<TemplateProcess>> TemplateProcess::start(asio::io_context& loop, std::string python,
                                                              std::string extension_path,
                                                              const Environment& environment) {
  auto [ours, theirs] = posix::make_message_socket_pair();
  // No PDEATHSIG: when the supervisor ends, the template has folders to remove before it goes.
  const posix::SpawnOptions options{.program = python,
                                    .arguments = {"-c", kBootCode, std::move(extension_path)},
                                    .environment = environment.for_template(),
                                    .directory = "/",
                                    .descriptors = {theirs.get()}};
  posix::ChildProcess process = posix::spawn(options);
  theirs.reset();
  std::shared_ptr<TemplateProcess> started(
      new TemplateProcess(loop, std::move(python), std::move(process), std::move(ours)));
  if (!co_await started->socket_.readable(wire::kTemplateStartDeadline)) {
    throw Error(ErrorCode::System, "start the interpreter " + started->python_ +
                                       ": importing torch took longer than " +
                                       std::to_string(wire::kTemplateStartDeadline.count()) + " s");
  }
  std::optional<wire::Frame> frame = co_await started->socket_.receive();
  if (frame && frame->tag() == wire::Tag::WorkerFailed) {
    throw Error(ErrorCode::Usage,
                "start the interpreter " + started->python_ + ": " + frame->as<wire::WorkerFailed>().message);
  }
  if (!frame) {
    // It may have closed the socket and live on.
    if (!co_await wait_readable(loop, started->process_.pidfd(), kEndGrace)) started->process_.kill(SIGKILL);
    throw Error(ErrorCode::Usage, "start the interpreter " + started->python_ + ": it " +
                                      posix::describe(started->process_.wait()) +
                                      " before it was ready; is it a Python >= 3.9 with torch?");
  }
  started->versions_ = frame->as<wire::TemplateReady>();
  log::info("template " + started->python_ + ": ready, Python " + started->versions_.python_version +
            ", torch " + started->versions_.torch_version);
  auto reading = [](std::shared_ptr<TemplateProcess> self) -> Task<void> { co_await self->read_frames(); };
  asio::co_spawn(loop, reading(started), asio::detached);
  co_return started;
}

Task<ForkedWorker> TemplateProcess::fork_worker(wire::ForkWorker order,
                                                std::vector<posix::UniqueFd> descriptors,
                                                std::function<void(posix::ExitStatus)> on_end) {
  std::vector<int> borrowed;
  for (const posix::UniqueFd& descriptor : descriptors)
    borrowed.push_back(descriptor.get());
  auto pending = std::make_shared<PendingFork>(loop_);
  if (ended_ || !socket_.send(0, order, borrowed)) {
    throw Error(ErrorCode::System, "fork a worker: the template of " + python_ + " has ended");
  }
  descriptors.clear();
  forks_[order.worker] = pending;
  on_end_[order.worker] = std::move(on_end);
  const bool answered = co_await pending->answered.wait(wire::kWorkerStartDeadline);
  forks_.erase(order.worker);
  if (!answered) pending->error = "the template did not answer in time";
  if (!pending->worker) {
    on_end_.erase(order.worker);
    throw Error(ErrorCode::System, "fork a worker: " + pending->error);
  }
  co_return std::move(*pending->worker);
}

Task<std::vector<wire::LayerReport>> TemplateProcess::probe_layers() {
  if (!probe_) {
    probe_ = std::make_shared<PendingProbe>(loop_);
    const wire::ProbeLayers order;
    if (ended_ || !socket_.send(0, order)) end();
  }
  const std::shared_ptr<PendingProbe> pending = probe_;
  const bool answered = co_await pending->answered.wait(wire::kWorkerStartDeadline);
  if (probe_ == pending) probe_.reset();
  if (!answered || pending->layers.empty()) {
    throw Error(ErrorCode::System, "probe the sandbox: the template " +
                                       std::string(answered ? "ended" : "did not answer in time"));
  }
  co_return pending->layers;
}

Task<void> TemplateProcess::read_frames() {
  try {
    while (std::optional<wire::Frame> frame = co_await socket_.receive())
      take_frame(std::move(*frame));
  } catch (const Error& failure) {
    // A template shares its memory's past with foreign code only through fork; still, it is not believed.
    log::error("template " + python_ + ": " + failure.what());
  }
  end();
}

void TemplateProcess::take_frame(wire::Frame frame) {
  switch (frame.tag()) {
    case wire::Tag::WorkerForked: {
      const auto forked = frame.as<wire::WorkerForked>();
      auto descriptors = frame.take_descriptors(1);
      const auto pending = forks_.find(forked.worker);
      if (pending == forks_.end()) return;  // the wait for it was over
      pending->second->worker = ForkedWorker{.pid = forked.pid, .pidfd = std::move(descriptors[0])};
      pending->second->answered.happen();
      return;
    }
    case wire::Tag::WorkerFailed: {
      const auto failed = frame.as<wire::WorkerFailed>();
      const auto pending = forks_.find(failed.worker);
      if (pending == forks_.end()) return;
      pending->second->error = failed.message;
      pending->second->answered.happen();
      return;
    }
    case wire::Tag::WorkerEnded: {
      const auto ended = frame.as<wire::WorkerEnded>();
      auto callback = on_end_.extract(ended.worker);
      if (!callback.empty()) callback.mapped()({.exit_code = ended.exit_code, .signal = ended.signal});
      return;
    }
    case wire::Tag::LayersProbed: {
      if (!probe_) return;
      probe_->layers = frame.as<wire::LayersProbed>().layers;
      probe_->answered.happen();
      return;
    }
    default:
      frame.unexpected();
  }
}

// Its workers ended with it: each had asked for SIGKILL at its parent's death.
void TemplateProcess::end() {
  if (ended_) return;
  ended_ = true;
  log::info("template " + python_ + ": ended");
  socket_.close();
  for (const auto& [worker, pending] : forks_)
    pending->answered.happen();
  if (probe_) probe_->answered.happen();
  for (auto& [worker, callback] : std::exchange(on_end_, {}))
    callback({.exit_code = 0, .signal = SIGKILL});
}

}  // namespace hubcell::process

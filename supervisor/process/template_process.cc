#include "supervisor/process/template_process.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <csignal>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/private_folder.h"

namespace hubcell::process {
namespace {

constexpr Milliseconds kEndGrace{3000};
// A fork takes some milliseconds: one that takes longer comes from a template that was stopped, or hangs.
constexpr Milliseconds kForkDeadline{10'000};
// After its end of file, for one that retired: it has folders to remove.
constexpr Milliseconds kRetiredEndDeadline{30'000};
// So many share one layout of memory at most.
constexpr std::size_t kWorkersMax = 256;

// How a process ends that looked for an address, or for the value that guards a stack, and missed: each fork of a template
// gives it another try at the same layout.
bool is_a_missed_guess(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGSYS || signal == SIGABRT;
}

// Both of a template's streams are one pipe: nothing that an interpreter prints by itself is an answer.
OutputRelay::Pipes only_errors(posix::UniqueFd pipe) {
  auto [ended, writer] = posix::make_pipe();
  return {.output = std::move(ended), .errors = std::move(pipe)};
}

}  // namespace

std::vector<posix::ChildProcess> sweep_worker_folders() {
  try {
    return posix::sweep_private_folders(posix::temporary_root(""));
  } catch (const Error& failure) {
    log::debug(failure.what());
    return {};
  }
}

TemplateProcess::TemplateProcess(asio::io_context& loop, TemplatePlan plan, StartedTemplate started,
                                 std::shared_ptr<CallerStreams> streams)
    : loop_(loop),
      python_(std::move(plan.python)),
      process_(std::move(started.process)),
      socket_(std::move(started.socket)),
      streams_(std::move(streams)),
      output_(loop, only_errors(std::move(started.output)), *streams_, plan.output, "template " + python_),
      versions_(std::move(started.versions)) {}

// End of file makes it end its workers and remove their folders by itself; it is killed only where it does
// not.
TemplateProcess::~TemplateProcess() {
  socket_.close();
  if (process_) posix::wait_readable(process_.pidfd(), kEndGrace);
}

Task<std::shared_ptr<TemplateProcess>> TemplateProcess::start(asio::io_context& loop, TemplatePlan plan,
                                                              std::shared_ptr<CallerStreams> streams) {
  std::optional<StartedTemplate> started;
  try {
    started = co_await start_template(loop, plan.python, plan.extension, plan.environment);
  } catch (const Error& failure) {
    throw failure.context("start the interpreter " + plan.python);
  }
  const std::shared_ptr<TemplateProcess> self(
      new TemplateProcess(loop, std::move(plan), std::move(*started), std::move(streams)));
  log::info("template " + self->python_ + ": ready, Python " + self->versions_.python_version + ", torch " +
            self->versions_.torch_version);
  auto reading = [](std::shared_ptr<TemplateProcess> owner) -> Task<void> { co_await owner->read_frames(); };
  asio::co_spawn(loop, reading(self), asio::detached);
  auto relaying = [](std::shared_ptr<TemplateProcess> owner) -> Task<void> { co_await owner->output_.run(); };
  asio::co_spawn(loop, relaying(self), asio::detached);
  co_return self;
}

Task<ForkedWorker> TemplateProcess::fork_worker(wire::ForkWorker order,
                                                std::vector<posix::UniqueFd> descriptors,
                                                std::function<void(posix::ExitStatus)> on_end) {
  std::vector<int> borrowed;
  for (const posix::UniqueFd& descriptor : descriptors)
    borrowed.push_back(descriptor.get());
  auto pending = std::make_shared<PendingFork>(loop_);
  order.worker = next_fork_++;
  if (!serves() || !socket_.send(0, order, borrowed)) {
    throw Error(ErrorCode::WorkerDied, "fork a worker: the template of " + python_ + " has ended");
  }
  descriptors.clear();
  forks_[order.worker] = pending;
  on_end_[order.worker] = std::move(on_end);
  const bool answered = co_await pending->answered.wait(kForkDeadline);
  forks_.erase(order.worker);
  if (!answered) {
    pending->error = "the template did not answer in time";
    retire("it does not answer");
  }
  if (!pending->worker) {
    on_end_.erase(order.worker);
    leave_when_done();
    throw Error(ended_ ? ErrorCode::WorkerDied : ErrorCode::System, "fork a worker: " + pending->error);
  }
  if (++forked_ == kWorkersMax) retire("it has forked " + std::to_string(forked_) + " workers");
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
  // It has folders to remove yet. Nothing but this coroutine waits for that.
  if (!co_await wait_readable(loop_, process_.pidfd(), kRetiredEndDeadline)) co_return;
  if (process_.wait().signal != 0) co_await remove_folders();
}

Task<void> TemplateProcess::remove_folders() {
  const std::vector<posix::ChildProcess> removals = sweep_worker_folders();
  for (const posix::ChildProcess& removal : removals)
    co_await wait_readable(loop_, removal.pidfd(), kRetiredEndDeadline);
}

void TemplateProcess::take_frame(wire::Frame frame) {
  switch (frame.tag()) {
    case wire::Tag::WorkerForked: {
      const auto forked = frame.as<wire::WorkerForked>();
      auto descriptors = frame.take_descriptors(1);
      const auto pending = forks_.find(forked.worker);
      if (pending == forks_.end()) {  // the wait for it was over
        posix::send_signal(descriptors[0].get(), SIGKILL);
        return;
      }
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
      take_end(frame.as<wire::WorkerEnded>());
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

void TemplateProcess::take_end(const wire::WorkerEnded& ended) {
  const posix::ExitStatus status{.exit_code = ended.exit_code, .signal = ended.signal};
  auto callback = on_end_.extract(ended.worker);
  if (!callback.empty()) callback.mapped()(status);
  if (is_a_missed_guess(status.signal)) retire("a worker " + posix::describe(status));
  leave_when_done();
}

void TemplateProcess::retire(const std::string& why) {
  if (!serves()) return;
  retired_ = true;
  log::info("template " + python_ + ": retires, " + why);
}

void TemplateProcess::leave() {
  retire("nobody asks for it");
  leave_when_done();
}

void TemplateProcess::leave_when_done() {
  if (retired_ && on_end_.empty()) end();
}

// Its workers ended with it: each had asked for SIGKILL at its parent's death.
void TemplateProcess::end() {
  if (ended_) return;
  ended_ = true;
  log::info("template " + python_ + ": ended");
  socket_.close();
  output_.close();
  for (const auto& [worker, pending] : forks_)
    pending->answered.happen();
  if (probe_) probe_->answered.happen();
  for (auto& [worker, callback] : std::exchange(on_end_, {}))
    callback({.exit_code = 0, .signal = SIGKILL});
}

}  // namespace hubcell::process

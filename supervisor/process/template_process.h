// One Python interpreter that has torch imported and forks workers on request, seen from the supervisor.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shared/posix/process.h"
#include "supervisor/process/loop.h"
#include "supervisor/process/output_relay.h"
#include "supervisor/process/template_start.h"

namespace hubcell::process {

// A worker's process: forked by a template, followed by its pidfd.
struct ForkedWorker {
  std::int64_t pid = 0;
  posix::UniqueFd pidfd;
};

struct TemplatePlan {
  std::string python;                                       // absolute path of the interpreter
  std::string extension;                                    // of the worker
  std::vector<std::string> environment = {};                // NAME=value
  wire::WorkerOutput output = wire::WorkerOutput::Inherit;  // what becomes of what it prints
};

// Starts to remove what templates that were killed left of their workers: the next one would find it, but there may be none.
std::vector<posix::ChildProcess> sweep_worker_folders();

class TemplateProcess : public std::enable_shared_from_this<TemplateProcess> {
 public:
  // Starts the interpreter and waits until it has imported torch. Throws Error(Usage) where the interpreter has no torch, is
  // broken or too old: one line that says which.
  static Task<std::shared_ptr<TemplateProcess>> start(asio::io_context& loop, TemplatePlan plan,
                                                      std::shared_ptr<CallerStreams> streams);
  ~TemplateProcess();

  const wire::TemplateReady& versions() const { return versions_; }
  // Whether it forks workers still. It *retires* when one of them may have learned where things lie in the memory of all of
  // them, by a crash, and when it has forked many: it ends with the last of its workers then.
  bool serves() const { return !ended_ && !retired_; }
  // Whether it has workers, or is about to.
  bool is_used() const { return !on_end_.empty(); }

  // It is asked for workers no more, and ends with the last that it has.
  void leave();

  // Asks for a worker, and numbers it. `on_end` is called once, in the loop, when that worker's process has ended (also when
  // the template died with it). Throws Error(System) where it could not be forked, Error(WorkerDied) where the template ended.
  Task<ForkedWorker> fork_worker(wire::ForkWorker order, std::vector<posix::UniqueFd> descriptors,
                                 std::function<void(posix::ExitStatus)> on_end);
  Task<std::vector<wire::LayerReport>> probe_layers();

 private:
  TemplateProcess(asio::io_context& loop, TemplatePlan plan, StartedTemplate started,
                  std::shared_ptr<CallerStreams> streams);
  Task<void> read_frames();
  void take_frame(wire::Frame frame);
  void take_end(const wire::WorkerEnded& ended);
  void retire(const std::string& why);
  void leave_when_done();
  Task<void> remove_folders();
  void end();

  struct PendingFork {
    explicit PendingFork(asio::io_context& loop) : answered(loop) {}
    Occasion answered;
    std::optional<ForkedWorker> worker;
    std::string error = "the template ended";
  };
  struct PendingProbe {
    explicit PendingProbe(asio::io_context& loop) : answered(loop) {}
    Occasion answered;
    std::vector<wire::LayerReport> layers;
  };

  asio::io_context& loop_;
  std::string python_;
  posix::ChildProcess process_;
  FrameSocket socket_;
  std::shared_ptr<CallerStreams> streams_;
  OutputRelay output_;
  wire::TemplateReady versions_;
  bool ended_ = false;
  bool retired_ = false;
  std::size_t forked_ = 0;
  std::uint64_t next_fork_ = 1;
  std::map<std::uint64_t, std::shared_ptr<PendingFork>> forks_;
  std::map<std::uint64_t, std::function<void(posix::ExitStatus)>> on_end_;
  std::shared_ptr<PendingProbe> probe_;
};

}  // namespace hubcell::process

// A client's session: answers its control messages and owns its workers.
//
// Workers belong to one session. Requests are served side by side, each in a coroutine of its own; a failure
// of one becomes its Failure answer here and goes no further.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/control/host.h"
#include "supervisor/control/sources.h"
#include "supervisor/control/worker.h"
#include "supervisor/process/environment.h"

namespace hubcell::control {

class Session : public std::enable_shared_from_this<Session> {
 public:
  // Borrows the host, which outlives it.
  Session(Host& host, process::FrameSocket socket, std::shared_ptr<process::CallerStreams> streams);

  // Serves until the client has gone, and ends its workers then. Throws Error(Protocol) where it speaks another protocol.
  process::Task<void> run(wire::Hello hello);

  std::vector<std::shared_ptr<Worker>> workers() const;

 private:
  // A worker that is being opened or is open; equal requests wait for the same one.
  struct Opening {
    explicit Opening(process::asio::io_context& loop) : finished(loop) {}
    process::Occasion finished;
    std::shared_ptr<Worker> worker;  // null while opening, and where that failed
    wire::WorkerOpened answer;
    std::optional<Error> error;
  };

  struct Started {
    std::shared_ptr<Worker> worker;
    wire::TemplateReady versions;
  };

  void greet(const wire::Hello& hello);
  process::Task<void> take_frames();
  process::Task<void> finish_output();
  void end();
  process::TemplatePlan template_plan(const std::string& python) const;
  process::Task<std::string> choose_interpreter(std::string wanted);
  // Has the interpreter's template started, by itself.
  process::Task<void> warm_up(std::string python);
  void take_frame(wire::Frame& frame);
  void attach(wire::Frame& frame);
  void fail(std::uint64_t request, const std::exception& failure);
  process::Task<void> open_worker(std::uint64_t request, wire::OpenWorker message);
  process::Task<void> fill_opening(std::shared_ptr<Opening> opening, ResolvedSource source,
                                   std::string python, wire::OpenWorker message);
  process::Task<Started> start_worker(WorkerPlan plan, std::string python);
  process::Task<Started> try_start(WorkerPlan plan, std::string python);
  std::shared_ptr<Worker> make_worker(const WorkerPlan& plan);
  void forget_ended_workers();
  void check_quota() const;
  process::Task<void> fetch_file(std::uint64_t request, wire::FetchFile message);
  process::Task<void> manage_cache(std::uint64_t request, wire::ManageCache message);
  process::Task<void> read_history(std::uint64_t request, wire::ReadHistory message);
  Report report_to(std::uint64_t request);
  process::Task<void> describe_worker(std::uint64_t request, wire::DescribeWorker message);
  void map_segment(std::uint64_t request, const wire::MapSegment& message);
  process::Task<void> diagnose(std::uint64_t request, wire::Diagnose message);
  template <typename Work>
  void answer(std::uint64_t request, Work work);
  std::shared_ptr<Worker> find_worker(std::uint64_t id) const;

  Host& host_;
  process::asio::io_context& loop_;
  process::FrameSocket socket_;
  std::shared_ptr<process::CallerStreams> streams_;
  wire::WorkerOutput output_ = wire::WorkerOutput::Inherit;
  std::optional<process::Environment> environment_;
  std::string working_folder_;
  std::shared_ptr<Sources> sources_;
  std::set<std::uint64_t> fetching_;  // requests whose fetches are reported
  std::map<std::string, std::shared_ptr<Opening>> openings_;
  std::map<std::uint64_t, std::shared_ptr<Worker>> workers_;
  std::uint64_t next_worker_ = 1;
  bool has_ended_ = false;
};

}  // namespace hubcell::control

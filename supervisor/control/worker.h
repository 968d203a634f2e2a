// A worker as the supervisor sees it: where it is in its lifecycle, its process, its control socket, what it
// prints.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/log.h"
#include "shared/channel/call_watch.h"
#include "supervisor/control/grants.h"
#include "supervisor/control/host.h"
#include "supervisor/control/sources.h"
#include "supervisor/lifecycle/lifecycle.h"
#include "supervisor/process/output_relay.h"
#include "supervisor/process/template_process.h"
#include "supervisor/weights/worker_segments.h"

namespace hubcell::control {

// What a worker is started with. All paths are absolute.
struct WorkerPlan {
  std::uint64_t id = 0;
  std::string label;  // "owner/name@ref" for logs and messages
  std::string checkout;
  std::optional<std::uint64_t> seed;
  std::uint64_t memory_bytes = 0;
  std::uint32_t threads = 0;
  wire::WorkerOutput output = wire::WorkerOutput::Inherit;
  wire::Permissions permissions = {};
  bool observe = false;       // it notes what its foreign code does
  bool is_commit = false;     // the checkout is one of the cache, which nobody changes
  std::string bytecode = {};  // the archive of the checkout's code, or empty
  bool refresh = false;       // files that its loads want are fetched again, each once
};

// Tells the client, as an answer to the request of that number, how a fetch goes on; the client need not listen.
using TellClient = std::function<void(std::uint64_t request, const wire::FetchProgress& progress)>;

class Worker : public std::enable_shared_from_this<Worker> {
 public:
  Worker(Host& host, WorkerPlan plan, std::shared_ptr<process::CallerStreams> streams,
         std::shared_ptr<Sources> sources, TellClient tell_client);

  // Forks it and waits until its sandbox holds and it serves calls. Throws Error where that fails; the
  // process is then ended.
  process::Task<void> start(std::shared_ptr<process::TemplateProcess> origin);

  bool serves() const { return state_ == lifecycle::State::Ready || state_ == lifecycle::State::Loading; }
  std::int64_t pid() const { return pid_; }
  // The sandbox's level, after start: "minimal".
  const std::string& sandbox() const { return sandbox_; }
  // The channel's memfd and the pidfd, for the client. Once.
  std::vector<posix::UniqueFd> take_client_descriptors() { return std::move(client_descriptors_); }

  // Between the two it may want files and repositories. `request` is the client's number for what it is told meanwhile.
  void load_began(std::uint64_t model, std::uint64_t request, const std::string& entry);
  void load_ended(std::uint64_t model);
  // What loads used since they were asked for last.
  std::vector<wire::Pin> take_used() { return std::exchange(used_, {}); }
  const weights::WorkerSegments& segments() const { return segments_; }
  // What it may read beside its checkout; null where it has not begun to start.
  Grants* grants() { return grants_ ? &*grants_ : nullptr; }
  // SIGKILL, in whatever state it is. What became of it is not asked for where `nobody_asks`.
  void close(bool nobody_asks) {
    nobody_asks_ = nobody_asks_ || nobody_asks;
    apply(lifecycle::Event::Close);
  }
  bool nobody_asks() const { return nobody_asks_; }
  // The same by the supervisor's own choice; the client is told why: "was unloaded: nobody used it".
  void stop(const std::string& reason);

  const std::string& label() const { return plan_.label; }
  // What was loaded in it last.
  const std::string& entry() const { return entry_; }
  std::string_view state_name() const { return lifecycle::name(state_); }
  std::chrono::steady_clock::time_point began() const { return began_; }
  // Calls that are under way in it.
  std::size_t calls() const;
  // Looks whether it did anything since the last look: calls pass by the supervisor.
  void look();
  // All that it has used, as of the last look.
  std::chrono::milliseconds processor_time() const { return seen_use_.second; }
  // How long nobody called it and it did nothing by itself, as far as somebody looked.
  std::chrono::milliseconds idle() const;

  // Happens when the process has ended.
  process::Occasion& ended() { return ended_; }
  // What is known about the end, and the last lines it printed.
  wire::WorkerStatus status();
  // Waits until what it has printed is shown, until `end` at most.
  process::Task<void> finish_output(std::chrono::steady_clock::time_point end);

 private:
  log::About about() const { return {.worker = plan_.label, .worker_pid = pid_}; }
  void apply(lifecycle::Event event);
  process::Task<void> await_ready();
  process::Task<void> watch_control();
  process::Task<bool> answer_about_weights(const wire::Frame& frame);
  // One of the two.
  struct Want {
    std::optional<wire::WantFile> file;
    std::optional<wire::WantRepository> repository;
  };
  process::Task<void> answer_want(std::uint64_t request, Want want);
  process::Task<std::string> grant(Want want);
  bool is_allowed(const Want& want) const;
  process::Task<void> await_load();
  void take_end(posix::ExitStatus status);

  process::asio::io_context& loop_;
  WorkerPlan plan_;
  std::shared_ptr<process::CallerStreams> streams_;
  lifecycle::State state_ = lifecycle::State::Resolving;
  std::chrono::steady_clock::time_point entered_state_ = std::chrono::steady_clock::now();
  std::shared_ptr<process::TemplateProcess> origin_;
  std::optional<process::FrameSocket> control_;
  std::optional<process::OutputRelay> output_;
  posix::UniqueFd pidfd_;
  std::int64_t pid_ = 0;
  std::string sandbox_;
  std::vector<posix::UniqueFd> client_descriptors_;
  std::shared_ptr<Sources> sources_;
  TellClient tell_client_;
  std::optional<Grants> grants_;
  weights::WorkerSegments segments_;
  std::map<std::uint64_t, std::uint64_t> loads_;  // model, request
  std::size_t wants_ = 0;
  std::vector<wire::Pin> used_;
  std::set<std::string> refreshed_;  // URLs
  bool nobody_asks_ = false;
  std::string reason_;
  std::string entry_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_active_ = began_;
  std::optional<channel::CallWatch> watch_;
  std::pair<std::uint64_t, std::chrono::milliseconds> seen_use_;  // the last call, processor time
  process::Occasion ended_;
  posix::ExitStatus exit_;
};

}  // namespace hubcell::control

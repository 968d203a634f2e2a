// A program's end of the control socket to its supervisor: requests from any number of threads, each with its
// answer.
#pragma once

#include <hubcell/hub.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "shared/posix/process.h"
#include "shared/posix/unique_fd.h"
#include "shared/wire/frame.h"
#include "shared/wire/history_messages.h"
#include "tools/client/lock_file.h"
#include "tools/client/supervisor_connection.h"

namespace hubcell::client {

class Worker;

// Thread-safe. Workers keep it alive.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // With the shared supervisor, or one of its own (supervisor_connection.h). Throws Error(System) where the installation is incomplete, Error(Usage) on options that
  // cannot be.
  static std::shared_ptr<Session> start(HubOptions options);

  // Another session, with options of its own, with the same supervisor: interpreters are started once for both, and equal weights are in
  // memory once.
  std::shared_ptr<Session> beside(HubOptions options);

  // Keeps no worker any more that no handle holds; the supervisor ends with the last of them.
  void close();
  // Ends all workers at once, and the supervisor.
  void end();
  bool has_ended() const { return ended_; }
  // In a forked child: closes what it inherited.
  void abandon();
  // Error(Usage) in a process that the session's own has forked.
  void check_process() const;
  const HubOptions& options() const { return options_; }
  // The worker of `repository` under this session's options, opened if it is not, or no longer, there.
  // `refresh`: a new one, of what the ref means now.
  // `replica`: which of several that are alike.
  std::shared_ptr<Worker> open_worker(const std::string& repository, bool refresh = false,
                                      std::uint32_t replica = 0);
  // The same, of the commit that `like` is of: a ref may mean another one by now, where somebody has looked it up again.
  std::shared_ptr<Worker> open_worker_like(const Worker& like, const std::string& repository,
                                           std::uint32_t replica);
  // Keeps it no longer: it ends with the last reference.
  void forget_worker(std::uint64_t worker);
  // A worker that `nobody_asks` about any more cannot be described afterwards.
  void close_worker(std::uint64_t worker, bool nobody_asks);
  // Takes a reference back. Of the workers that nobody uses kIdleWorkersMax stay, the last used, so that a load that
  // follows soon finds a warm one.
  void let_go(std::shared_ptr<Worker> worker);
  // What became of a worker; waits up to `wait` for its end.
  wire::WorkerStatus describe_worker(std::uint64_t worker, std::chrono::milliseconds wait);
  // The brackets of a load; the number names what is loaded. Meanwhile show_progress tells HubOptions::progress what is
  // fetched for it, without waiting.
  std::uint64_t load_began(std::uint64_t worker, const std::string& entry);
  void show_progress(std::uint64_t model);
  void load_ended(std::uint64_t worker, std::uint64_t model, bool succeeded);
  // Calls `take` with each entry; where the cache lies.
  std::string manage_cache(const wire::ManageCache& wanted,
                           const std::function<void(const wire::CacheEntry&)>& take);
  // Calls `take` with each part.
  wire::HistoryRead read_history(const wire::ReadHistory& wanted,
                                 const std::function<void(const wire::HistoryPart&)>& take);
  wire::FileFetched fetch_file(const wire::FetchFile& wanted);
  wire::Diagnosis diagnose();
  // Weights that the worker maps, sealed. Error(Protocol) where it has no such segment.
  posix::UniqueFd map_segment(std::uint64_t worker, std::uint32_t segment);

 private:
  // While it lives no worker is ended for being idle: the supervisor's answer may name it.
  class Opening;
  using Wanted = std::pair<std::string, std::uint32_t>;  // a repository in any spelling, and which replica
  struct Kept {
    std::shared_ptr<Worker> worker;
    std::uint64_t last_use = 0;
  };

  Session(HubOptions options, wire::Permissions permissions, SupervisorConnection supervisor);
  static std::shared_ptr<Session> make(HubOptions options,
                                       const std::function<SupervisorConnection(const HubOptions&)>& connect);
  // Given what comes before an answer, beside Progress; false where that is the answer.
  using Part = std::function<bool(const wire::Frame&)>;

  template <class Body>
  wire::Frame ask(const Body& body, std::chrono::milliseconds deadline, const Part& part = nullptr) {
    return await([&body](std::uint64_t request) { return wire::encode_frame(request, body); }, deadline,
                 part);
  }
  template <class Body>
  void tell(const Body& body) {
    send(wire::encode_frame(0, body));
  }
  void send(const std::vector<std::byte>& frame);
  wire::Frame await(const std::function<std::vector<std::byte>(std::uint64_t)>& encode,
                    std::chrono::milliseconds deadline, const Part& part);
  void use_lock_file();
  [[noreturn]] void throw_supervisor_ended() const;
  void restart_supervisor(std::unique_lock<std::mutex>& lock);
  void note_commit(const ModelInfo& info);
  wire::Frame await_answer(std::uint64_t request, std::chrono::steady_clock::time_point end,
                           const Part& part);
  bool take_progress(std::deque<wire::Frame>& mine, std::unique_lock<std::mutex>& lock);
  wire::Frame take_answer(std::uint64_t request, std::unique_lock<std::mutex>& lock,
                          std::chrono::steady_clock::time_point end, const Part& part);
  void hand_out(wire::Frame frame);
  std::shared_ptr<Worker> find_worker(const Wanted& wanted);
  std::shared_ptr<Worker> keep_worker(const Wanted& wanted, wire::Frame frame);
  // All but the last used, and but those that leave no place for `wanted` more.
  void end_idle_workers(std::size_t wanted = 0);
  void read_one_frame(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point end);

  const HubOptions options_;
  const wire::Permissions permissions_;
  std::optional<LockFile> lock_file_;
  const unsigned forks_ = posix::fork_count();
  std::atomic<bool> ended_ = false;
  std::atomic<std::uint64_t> workers_max_;  // as the supervisor says

  // The socket. Of the threads that wait for an answer one reads at a time, and hands the others theirs.
  std::mutex mutex_;  // guards the group below
  std::condition_variable arrived_;
  posix::UniqueFd socket_;
  bool reading_ = false;
  bool supervisor_ended_ = false;
  bool is_private_;               // the supervisor
  std::string why_left_;          // what could not be received from it; empty where it has ended by itself
  std::uint64_t connection_ = 0;  // supervisors that ended before this one
  std::uint64_t next_request_ = 1;
  std::map<std::uint64_t, std::deque<wire::Frame>> answers_;  // by request, while somebody waits for it

  std::mutex workers_mutex_;  // guards the group below
  std::condition_variable worker_opened_;
  std::map<std::uint64_t, Kept> workers_;          // by number; one that is held here only is idle
  std::map<Wanted, std::uint64_t> by_repository_;  // the worker's number
  std::uint64_t uses_ = 0;
  std::size_t openings_ = 0;
};

}  // namespace hubcell::client

// Which workers a session keeps: those that are in use, and a few that were last.
#include <algorithm>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/wire/limits.h"
#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

// Workers that stay although nobody uses them; or those of one load, where it has more.
constexpr std::size_t kIdleWorkersMax = 4;
// How long another thread may take to keep a worker that it was given.
constexpr std::chrono::seconds kKeepDeadline{30};

}  // namespace

class Session::Opening {
 public:
  explicit Opening(Session& session) : session_(session) {
    const std::scoped_lock lock(session.workers_mutex_);
    ++session.openings_;
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() {
    {
      const std::scoped_lock lock(session_.workers_mutex_);
      --session_.openings_;
    }
    session_.end_idle_workers();
  }

 private:
  Session& session_;
};

std::shared_ptr<Worker> Session::open_worker(const std::string& repository, bool refresh,
                                             std::uint32_t replica) {
  check_process();
  const Wanted wanted(repository, replica);
  if (std::shared_ptr<Worker> known = refresh ? nullptr : find_worker(wanted)) return known;
  end_idle_workers(1);
  const Opening opening(*this);
  const auto began = std::chrono::steady_clock::now();
  auto worker = keep_worker(
      wanted, ask(wire::OpenWorker{.repository = repository,
                                   .python = options_.python,
                                   .seed = options_.seed,
                                   .memory_bytes = options_.memory_bytes,
                                   .threads = options_.threads,
                                   .refresh = refresh,
                                   .permissions = permissions_,
                                   .observe = options_.observe,
                                   .replica = replica},
                  wire::kFetchDeadline + wire::kTemplateStartDeadline + wire::kWorkerStartDeadline));
  worker->note_opening(std::chrono::steady_clock::now() - began);
  if (lock_file_) note_commit(worker->info());
  return worker;
}

std::shared_ptr<Worker> Session::open_worker_like(const Worker& like, const std::string& repository,
                                                  std::uint32_t replica) {
  std::shared_ptr<Worker> worker = open_worker(repository, false, replica);
  if (worker->commit() == like.commit()) return worker;
  return open_worker(like.name() + "@" + like.commit(), false, replica);
}

void Session::note_commit(const ModelInfo& info) {
  if (!info.commit.empty())
    lock_file_->note({{.name = info.repository, .ref = info.ref, .commit = info.commit}});
}

std::shared_ptr<Worker> Session::find_worker(const Wanted& wanted) {
  std::optional<std::uint64_t> ended;
  {
    const std::scoped_lock lock(workers_mutex_);
    const auto number = by_repository_.find(wanted);
    if (number == by_repository_.end()) return nullptr;
    Kept& known = workers_.at(number->second);
    known.last_use = ++uses_;
    if (!known.worker->has_ended()) return known.worker;
    ended = number->second;
  }
  // The supervisor may not have been told of that end yet.
  close_worker(*ended, false);
  return nullptr;
}

std::shared_ptr<Worker> Session::keep_worker(const Wanted& wanted, wire::Frame frame) {
  const auto opened = frame.as<wire::WorkerOpened>();
  for (const std::string& warning : opened.warnings)
    log::warn(warning);
  std::unique_lock lock(workers_mutex_);
  if (frame.has_descriptors()) {
    try {
      workers_[opened.worker].worker =
          std::make_shared<Worker>(shared_from_this(), opened, frame.take_descriptors(2), wanted.second);
    } catch (...) {
      workers_.erase(opened.worker);
      // Its descriptors were sent once: nobody can reach it any more.
      close_worker(opened.worker, true);
      throw;
    }
    worker_opened_.notify_all();
  } else {
    // The supervisor gave its channel to this session before, for another spelling of the same ref or to a
    // thread that asked at the same time.
    const bool is_there =
        worker_opened_.wait_for(lock, kKeepDeadline, [&] { return workers_.contains(opened.worker); });
    if (!is_there)
      throw Error(ErrorCode::System, "open " + wanted.first + ": its worker was closed meanwhile; try again");
  }
  Kept& kept = workers_[opened.worker];
  kept.last_use = ++uses_;
  by_repository_[wanted] = opened.worker;
  return kept.worker;
}

void Session::let_go(std::shared_ptr<Worker> worker) {
  if (posix::fork_count() != forks_) return;
  {
    const std::scoped_lock lock(workers_mutex_);
    const auto known = workers_.find(worker->id());
    if (known != workers_.end()) known->second.last_use = ++uses_;
  }
  worker.reset();
  end_idle_workers();
}

// Others reach a worker through this session only, under the lock, so that an idle one stays idle meanwhile. One that has
// ended is not worth keeping.
void Session::end_idle_workers(std::size_t wanted) {
  std::vector<std::shared_ptr<Worker>> dropped;  // they end behind the lock
  const std::scoped_lock lock(workers_mutex_);
  if (openings_ > 0) return;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> idle;  // last use, number
  const auto drop = [&](std::uint64_t number) {
    dropped.push_back(std::move(workers_.at(number).worker));
    workers_.erase(number);
    std::erase_if(by_repository_, [&](const auto& entry) { return entry.second == number; });
  };
  for (const auto& [number, kept] : workers_) {
    if (kept.worker.use_count() == 1) idle.emplace_back(kept.worker->has_ended() ? 0 : kept.last_use, number);
  }
  std::ranges::sort(idle);
  const std::size_t taken = workers_.size() - idle.size() + wanted;
  const std::size_t kept_max =
      std::min<std::uint64_t>(std::max<std::size_t>(kIdleWorkersMax, options_.replicas),
                              workers_max_ - std::min<std::uint64_t>(workers_max_, taken));
  for (std::size_t i = 0; i < idle.size(); ++i) {
    if (idle[i].first == 0 || idle.size() - i > kept_max) drop(idle[i].second);
  }
}

void Session::forget_worker(std::uint64_t worker) {
  std::shared_ptr<Worker> dropped;  // it ends behind the lock
  const std::scoped_lock lock(workers_mutex_);
  const auto known = workers_.find(worker);
  if (known == workers_.end()) return;
  dropped = std::move(known->second.worker);
  workers_.erase(known);
  std::erase_if(by_repository_, [worker](const auto& entry) { return entry.second == worker; });
}

}  // namespace hubcell::client

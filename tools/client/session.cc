#include "tools/client/session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "shared/base/log.h"
#include "shared/posix/process.h"
#include "shared/wire/environment.h"
#include "shared/wire/limits.h"
#include "tools/client/installation.h"
#include "tools/client/worker.h"

extern char** environ;

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

// How long the supervisor may take to answer what it can answer at once.
constexpr std::chrono::seconds kAnswerDeadline{30};
// How often whoever waits asks HubOptions::poll.
constexpr std::chrono::milliseconds kPollEvery{50};
// Workers that stay although nobody uses them.
constexpr std::size_t kIdleWorkersMax = 4;

std::vector<std::string> current_environment() {
  std::vector<std::string> assignments;
  for (char** entry = environ; *entry != nullptr; ++entry)
    assignments.emplace_back(*entry);
  return assignments;
}

// The rest of the program's environment stays here.
std::vector<std::string> session_environment() {
  std::vector<std::string> chosen;
  const auto choose = [&chosen](std::span<const char* const> names) {
    for (const std::string name : names) {
      if (const char* value = std::getenv(name.c_str())) chosen.push_back(name + "=" + value);
    }
  };
  choose(wire::kSupervisorVariables);
  choose(wire::kNetworkVariables);
  choose(wire::kTemplateVariables);
  return chosen;
}

wire::WorkerOutput to_wire(Output output) {
  switch (output) {
    case Output::Inherit:
      return wire::WorkerOutput::Inherit;
    case Output::Prefixed:
      return wire::WorkerOutput::Prefixed;
    case Output::Discard:
      return wire::WorkerOutput::Discard;
  }
  throw Error(ErrorCode::Usage, "start hubcell: HubOptions::output is none of Inherit, Prefixed and Discard");
}

[[noreturn]] void throw_supervisor_ended() {
  throw Error(ErrorCode::System, "ask the supervisor: it has ended; make a new Hub");
}

}  // namespace

std::shared_ptr<Session> Session::start(HubOptions options) {
  const wire::WorkerOutput output = to_wire(options.output);
  auto [ours, theirs] = posix::make_message_socket_pair();
  // Only a supervisor that has something to write there gets the standard output: its reader waits for its end.
  const int standard_output = output == wire::WorkerOutput::Inherit ? STDOUT_FILENO : STDERR_FILENO;
  // It detaches from us: what is spawned here ends at once, and the supervisor never meets the program's
  // wait().
  posix::ChildProcess detaching = posix::spawn({.program = find_supervisor(),
                                                .arguments = {},
                                                .environment = current_environment(),
                                                .directory = "/",
                                                .descriptors = {theirs.get()},
                                                .standard_output = standard_output});
  detaching.wait();
  theirs.reset();
  std::shared_ptr<Session> session(new Session(std::move(options), std::move(ours)));
  session->tell(wire::Hello{.working_folder = fs::current_path(),
                            .environment = session_environment(),
                            .output = output,
                            .hub_folder = session->options_.hub_folder});
  return session;
}

void Session::check_process() const {
  if (posix::fork_count() != forks_) {
    throw Error(
        ErrorCode::Usage,
        "use hubcell in a forked process: what was loaded belongs to the process that loaded it; load it "
        "again here");
  }
}

template <class Body>
void Session::tell(const Body& body) {
  check_process();
  const std::scoped_lock lock(mutex_);
  wire::send_frame(socket_.get(), 0, body);
}

template <class Body>
wire::Frame Session::ask(const Body& body, std::chrono::milliseconds deadline,
                         const std::function<bool(const wire::Frame&)>& part) {
  check_process();
  std::uint64_t request = 0;
  {
    const std::scoped_lock lock(mutex_);
    request = next_request_++;
    if (!wire::send_frame(socket_.get(), request, body)) throw_supervisor_ended();
    answers_[request];
  }
  wire::Frame answer = await_answer(request, std::chrono::steady_clock::now() + deadline, part);
  if (answer.tag() == wire::Tag::Failure) {
    const auto failure = answer.as<wire::Failure>();
    throw Error(failure.code, failure.message);
  }
  return answer;
}

wire::Frame Session::await_answer(std::uint64_t request, std::chrono::steady_clock::time_point end,
                                  const std::function<bool(const wire::Frame&)>& part) {
  std::unique_lock lock(mutex_);
  try {
    return take_answer(request, lock, end, part);
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    answers_.erase(request);
    if (!supervisor_ended_) wire::send_frame(socket_.get(), 0, wire::GiveUp{.request = request});
    throw;
  }
}

// Shows the first of `mine` if it is a progress. The lock is open meanwhile.
bool Session::take_progress(std::deque<wire::Frame>& mine, std::unique_lock<std::mutex>& lock) {
  if (mine.empty() || mine.front().tag() != wire::Tag::Progress) return false;
  const auto progress = mine.front().as<wire::Progress>();
  mine.pop_front();
  lock.unlock();
  if (options_.progress) options_.progress(progress.what, progress.done, progress.total);
  lock.lock();
  return true;
}

wire::Frame Session::take_answer(std::uint64_t request, std::unique_lock<std::mutex>& lock,
                                 std::chrono::steady_clock::time_point end,
                                 const std::function<bool(const wire::Frame&)>& part) {
  for (;;) {
    std::deque<wire::Frame>& mine = answers_[request];
    if (!mine.empty()) {
      if (take_progress(mine, lock)) continue;
      wire::Frame frame = std::move(mine.front());
      mine.pop_front();
      if (part && part(frame)) continue;
      answers_.erase(request);
      return frame;
    }
    if (supervisor_ended_) throw_supervisor_ended();
    if (std::chrono::steady_clock::now() >= end) {
      throw Error(ErrorCode::DeadlineExceeded, "ask the supervisor: it did not answer in time");
    }
    const auto slice = options_.poll ? std::min(end, std::chrono::steady_clock::now() + kPollEvery) : end;
    if (reading_) {
      arrived_.wait_until(lock, slice);
    } else {
      read_one_frame(lock, slice);
    }
    if (!options_.poll) continue;
    lock.unlock();
    options_.poll();
    lock.lock();
  }
}

void Session::read_one_frame(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point end) {
  reading_ = true;
  lock.unlock();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  std::optional<wire::Frame> frame;
  bool ended = false;
  try {
    frame = wire::wait_frame(socket_.get(), std::max(left, std::chrono::milliseconds(0)));
  } catch (const Error&) {
    ended = true;
  }
  lock.lock();
  reading_ = false;
  supervisor_ended_ = supervisor_ended_ || ended;
  if (frame) hand_out(std::move(*frame));
  arrived_.notify_all();
}

// An answer to a request that was given up is nobody's any more; a worker that came with it is closed,
// because its descriptors come once.
void Session::hand_out(wire::Frame frame) {
  const auto waiting = answers_.find(frame.request());
  if (waiting != answers_.end()) return waiting->second.push_back(std::move(frame));
  if (frame.tag() != wire::Tag::WorkerOpened) return;
  const wire::CloseWorker order{.worker = frame.as<wire::WorkerOpened>().worker, .nobody_asks = true};
  wire::send_frame(socket_.get(), 0, order);
}

void Session::close() {
  if (posix::fork_count() != forks_) return;
  std::map<std::uint64_t, Kept> dropped;
  const std::scoped_lock lock(workers_mutex_);
  dropped.swap(workers_);
  by_repository_.clear();
}

void Session::end() {
  check_process();
  ended_ = true;
  std::map<std::uint64_t, Kept> dropped;
  {
    const std::scoped_lock lock(workers_mutex_);
    dropped.swap(workers_);
    by_repository_.clear();
  }
  for (const auto& [number, kept] : dropped)
    kept.worker->kill();
  // The socket stays: another thread may be reading.
  const std::scoped_lock lock(mutex_);
  ::shutdown(socket_.get(), SHUT_RDWR);
  supervisor_ended_ = true;
  arrived_.notify_all();
}

// No lock: a thread of the parent's may have held it.
void Session::abandon() {
  if (posix::fork_count() != forks_) socket_.reset();
}

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

std::shared_ptr<Worker> Session::open_worker(const std::string& repository, bool refresh) {
  check_process();
  if (std::shared_ptr<Worker> known = refresh ? nullptr : find_worker(repository)) return known;
  end_idle_workers();
  const Opening opening(*this);
  const auto began = std::chrono::steady_clock::now();
  auto worker = keep_worker(
      repository, ask(wire::OpenWorker{.repository = repository,
                                       .python = options_.python,
                                       .seed = options_.seed,
                                       .memory_bytes = options_.memory_bytes,
                                       .threads = options_.threads,
                                       .refresh = refresh},
                      wire::kFetchDeadline + wire::kTemplateStartDeadline + wire::kWorkerStartDeadline));
  worker->note_opening(std::chrono::steady_clock::now() - began);
  return worker;
}

std::shared_ptr<Worker> Session::find_worker(const std::string& repository) {
  std::optional<std::uint64_t> ended;
  {
    const std::scoped_lock lock(workers_mutex_);
    const auto number = by_repository_.find(repository);
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

std::shared_ptr<Worker> Session::keep_worker(const std::string& repository, wire::Frame frame) {
  const auto opened = frame.as<wire::WorkerOpened>();
  for (const std::string& warning : opened.warnings)
    log::warn(warning);
  std::unique_lock lock(workers_mutex_);
  if (frame.has_descriptors()) {
    try {
      workers_[opened.worker].worker =
          std::make_shared<Worker>(shared_from_this(), opened, frame.take_descriptors(2));
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
        worker_opened_.wait_for(lock, kAnswerDeadline, [&] { return workers_.contains(opened.worker); });
    if (!is_there)
      throw Error(ErrorCode::System, "open " + repository + ": its worker was closed meanwhile; try again");
  }
  Kept& kept = workers_[opened.worker];
  kept.last_use = ++uses_;
  by_repository_[repository] = opened.worker;
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
void Session::end_idle_workers() {
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
  for (std::size_t i = 0; i < idle.size(); ++i) {
    if (idle[i].first == 0 || idle.size() - i > kIdleWorkersMax) drop(idle[i].second);
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

void Session::close_worker(std::uint64_t worker, bool nobody_asks) {
  tell(wire::CloseWorker{.worker = worker, .nobody_asks = nobody_asks});
}

wire::WorkerStatus Session::describe_worker(std::uint64_t worker, std::chrono::milliseconds wait) {
  const wire::DescribeWorker message{.worker = worker, .wait_ms = static_cast<std::uint32_t>(wait.count())};
  return ask(message, wait + kAnswerDeadline).template as<wire::WorkerStatus>();
}

// The number of the load is that of the request, whose answers are what is fetched meanwhile.
std::uint64_t Session::load_began(std::uint64_t worker, const std::string& entry) {
  check_process();
  const std::scoped_lock lock(mutex_);
  const std::uint64_t model = next_request_++;
  wire::send_frame(socket_.get(), model, wire::LoadBegan{.worker = worker, .model = model, .entry = entry});
  if (options_.progress) answers_[model];
  return model;
}

void Session::show_progress(std::uint64_t model) {
  if (!options_.progress) return;
  std::unique_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!reading_ && !supervisor_ended_) read_one_frame(lock, now);
  for (;;) {
    const auto mine = answers_.find(model);
    if (mine == answers_.end() || !take_progress(mine->second, lock)) return;
  }
}

void Session::load_ended(std::uint64_t worker, std::uint64_t model, bool succeeded) {
  {
    const std::scoped_lock lock(mutex_);
    answers_.erase(model);
  }
  tell(wire::LoadEnded{.worker = worker, .model = model, .succeeded = succeeded});
}

std::string Session::manage_cache(const wire::ManageCache& wanted,
                                  const std::function<void(const wire::CacheEntry&)>& take) {
  const auto part = [&take](const wire::Frame& frame) {
    if (frame.tag() != wire::Tag::CacheEntry) return false;
    take(frame.as<wire::CacheEntry>());
    return true;
  };
  return ask(wanted, wire::kFetchDeadline, part).template as<wire::CacheDone>().root;
}

wire::FileFetched Session::fetch_file(const wire::FetchFile& wanted) {
  return ask(wanted, wire::kFileDeadline).template as<wire::FileFetched>();
}

wire::Diagnosis Session::diagnose() {
  return ask(wire::Diagnose{.python = options_.python},
             wire::kTemplateStartDeadline + wire::kWorkerStartDeadline)
      .template as<wire::Diagnosis>();
}

}  // namespace hubcell::client

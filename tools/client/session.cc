#include "tools/client/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "shared/base/log.h"
#include "shared/posix/process.h"
#include "shared/wire/limits.h"
#include "tools/client/permissions.h"
#include "tools/client/replicated_load.h"
#include "tools/client/supervisor_connection.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

// How long the supervisor may take to answer what it can answer at once.
constexpr std::chrono::seconds kAnswerDeadline{30};
// How often whoever waits asks HubOptions::poll.
constexpr std::chrono::milliseconds kPollEvery{50};
// A message has a bound, and a URL may be long.
constexpr std::size_t kPinsInMessage = 10;
// Supervisors of a session number their workers apart from each other.
constexpr unsigned kWorkerBits = 32;

}  // namespace

void Session::throw_supervisor_ended() const {
  const std::string why = why_left_.empty() ? "it has ended" : "it was left (" + why_left_ + ")";
  throw Error(ErrorCode::System,
              "ask the supervisor: " + why + ", and all workers with it; what is asked next starts another");
}

Session::Session(HubOptions options, wire::Permissions permissions, SupervisorConnection supervisor)
    : options_(std::move(options)),
      permissions_(std::move(permissions)),
      workers_max_(supervisor.workers_max),
      socket_(std::move(supervisor.socket)),
      is_private_(supervisor.is_private) {}

std::shared_ptr<Session> Session::start(HubOptions options) {
  return make(std::move(options), [](const HubOptions& chosen) { return reach_supervisor(chosen, 1); });
}

std::shared_ptr<Session> Session::beside(HubOptions options) {
  check_process();
  return make(std::move(options), [this](const HubOptions& chosen) {
    const std::scoped_lock lock(mutex_);
    // A shared one lets every session in by its own door.
    if (!is_private_ || supervisor_ended_) return reach_supervisor(chosen, 1);
    return attach_to_supervisor(socket_.get(), chosen);
  });
}

std::shared_ptr<Session> Session::make(
    HubOptions options, const std::function<SupervisorConnection(const HubOptions&)>& connect) {
  check_replicas(options, wire::kWorkersMax);
  wire::Permissions permissions = permissions_of(options);
  SupervisorConnection supervisor = connect(options);
  check_replicas(options, supervisor.workers_max);
  std::shared_ptr<Session> session(
      new Session(std::move(options), std::move(permissions), std::move(supervisor)));
  if (!session->options_.lock.empty()) session->use_lock_file();
  return session;
}

// In the place of one that has ended. Its workers have numbers that those before never had: objects of theirs may be there still.
void Session::restart_supervisor(std::unique_lock<std::mutex>& lock) {
  // Whoever reads finds the end of the socket, too.
  arrived_.wait(lock, [this] { return !reading_; });
  if (!supervisor_ended_ || ended_) return;
  SupervisorConnection supervisor = reach_supervisor(options_, (++connection_ << kWorkerBits) + 1);
  socket_ = std::move(supervisor.socket);
  workers_max_ = supervisor.workers_max;
  is_private_ = supervisor.is_private;
  supervisor_ended_ = false;
  why_left_.clear();
  answers_.clear();  // whoever waits for one of those finds it gone
  log::warn("the supervisor has ended; another was started");
  if (!lock_file_) return;
  lock.unlock();
  use_lock_file();
  lock.lock();
}

void Session::use_lock_file() {
  if (!lock_file_) lock_file_.emplace(fs::absolute(options_.lock));
  wire::Pins message;
  for (wire::Pin& pin : lock_file_->pins()) {
    message.pins.push_back(std::move(pin));
    if (message.pins.size() < kPinsInMessage) continue;
    tell(message);
    message.pins.clear();
  }
  tell(message);
}

void Session::check_process() const {
  if (posix::fork_count() != forks_) {
    throw Error(
        ErrorCode::Usage,
        "use hubcell in a forked process: what was loaded belongs to the process that loaded it; load it "
        "again here");
  }
}

void Session::send(const std::vector<std::byte>& frame) {
  check_process();
  const std::scoped_lock lock(mutex_);
  posix::send_message(socket_.get(), frame, {});
}

wire::Frame Session::await(const std::function<std::vector<std::byte>(std::uint64_t)>& encode,
                           std::chrono::milliseconds deadline, const Part& part) {
  check_process();
  std::uint64_t request = 0;
  {
    std::unique_lock lock(mutex_);
    if (supervisor_ended_ && !ended_) restart_supervisor(lock);
    request = next_request_++;
    if (!posix::send_message(socket_.get(), encode(request), {})) {
      supervisor_ended_ = true;
      throw_supervisor_ended();
    }
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
                                  const Part& part) {
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
                                 std::chrono::steady_clock::time_point end, const Part& part) {
  for (;;) {
    const auto waiting = answers_.find(request);
    if (waiting == answers_.end()) throw_supervisor_ended();
    std::deque<wire::Frame>& mine = waiting->second;
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
  std::string why_left;
  try {
    frame = wire::wait_frame(socket_.get(), std::max(left, std::chrono::milliseconds(0)));
  } catch (const wire::PeerEnded&) {
    ended = true;
  } catch (const Error& failure) {
    // What the message answered waits for it: there is no going on without it.
    ended = true;
    why_left = failure.what();
  }
  lock.lock();
  if (ended && !supervisor_ended_) why_left_ = std::move(why_left);
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

void Session::close_worker(std::uint64_t worker, bool nobody_asks) {
  tell(wire::CloseWorker{.worker = worker, .nobody_asks = nobody_asks});
}

wire::WorkerStatus Session::describe_worker(std::uint64_t worker, std::chrono::milliseconds wait) {
  {
    const std::scoped_lock lock(mutex_);
    if (supervisor_ended_ || worker >> kWorkerBits != connection_) throw_supervisor_ended();
  }
  const wire::DescribeWorker message{.worker = worker, .wait_ms = static_cast<std::uint32_t>(wait.count())};
  return ask(message, wait + kAnswerDeadline).as<wire::WorkerStatus>();
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
  const wire::LoadEnded message{.worker = worker, .model = model, .succeeded = succeeded};
  if (!lock_file_) return tell(message);
  std::vector<wire::Pin> used;
  const auto part = [&used](const wire::Frame& frame) {
    if (frame.tag() != wire::Tag::LoadNote) return false;
    used.push_back(frame.as<wire::LoadNote>().used);
    return true;
  };
  ask(message, kAnswerDeadline, part).as<wire::LoadSummary>();
  if (succeeded) lock_file_->note(used);
}

std::string Session::manage_cache(const wire::ManageCache& wanted,
                                  const std::function<void(const wire::CacheEntry&)>& take) {
  const auto part = [&take](const wire::Frame& frame) {
    if (frame.tag() != wire::Tag::CacheEntry) return false;
    take(frame.as<wire::CacheEntry>());
    return true;
  };
  return ask(wanted, wire::kFetchDeadline, part).as<wire::CacheDone>().root;
}

wire::HistoryRead Session::read_history(const wire::ReadHistory& wanted,
                                        const std::function<void(const wire::HistoryPart&)>& take) {
  const auto part = [&take](const wire::Frame& frame) {
    if (frame.tag() != wire::Tag::HistoryPart) return false;
    take(frame.as<wire::HistoryPart>());
    return true;
  };
  return ask(wanted, wire::kFetchDeadline, part).as<wire::HistoryRead>();
}

wire::FileFetched Session::fetch_file(const wire::FetchFile& wanted) {
  if (!lock_file_) return ask(wanted, wire::kFileDeadline).as<wire::FileFetched>();
  wire::FetchFile hashed = wanted;
  hashed.hash = true;
  auto fetched = ask(hashed, wire::kFileDeadline).as<wire::FileFetched>();
  lock_file_->note({{.url = wanted.url, .sha256 = fetched.sha256}});
  return fetched;
}

posix::UniqueFd Session::map_segment(std::uint64_t worker, std::uint32_t segment) {
  try {
    wire::Frame answer = ask(wire::MapSegment{.worker = worker, .segment = segment}, kAnswerDeadline);
    answer.as<wire::SegmentMapped>();
    return std::move(answer.take_descriptors(1)[0]);
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::Usage) throw;
    throw Error(ErrorCode::Protocol, failure.what());
  }
}

wire::Diagnosis Session::diagnose() {
  return ask(wire::Diagnose{.python = options_.python},
             wire::kTemplateStartDeadline + wire::kWorkerStartDeadline)
      .as<wire::Diagnosis>();
}

}  // namespace hubcell::client

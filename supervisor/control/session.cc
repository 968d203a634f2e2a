// The way of a load, as far as the supervisor goes: a name becomes a repository, the repository a checkout
// (from the cache, or by the fetcher), the interpreter a template, and the template forks a worker that
// enters its sandbox. From then on the client calls the worker itself.
#include "supervisor/control/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/process/interpreter.h"

namespace hubcell::control {
namespace {

using process::Task;

// Of what a failure says; it has to fit into a frame.
constexpr std::size_t kMessageBytesMax = 64 * 1024;

// No foreign code runs in a worker that starts: what ends it, or its template, is not the caller's affair.
constexpr int kStartTries = 3;

// How long a client that has gone may leave its workers' last lines unread.
constexpr process::Milliseconds kLastOutputDeadline{500};

std::string label_of(const ResolvedSource& source) {
  if (source.ref.empty()) return source.name;
  return source.name + "@" + source.ref;
}

void offer_progress(process::FrameSocket& socket, std::uint64_t request,
                    const wire::FetchProgress& progress) {
  socket.offer(request,
               wire::Progress{.what = progress.what, .done = progress.done, .total = progress.total});
}

// Requests with the same key share a worker: what differs between two workers is in it.
std::string key_of(const ResolvedSource& source, const std::string& python, wire::OpenWorker message) {
  message.repository = source.folder + '\0' + source.ref;
  message.python = python;
  message.refresh = false;
  const std::vector<std::byte> bytes = wire::encode(message);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Session::Session(Host& host, process::FrameSocket socket, std::shared_ptr<process::CallerStreams> streams)
    : host_(host), loop_(host.loop), socket_(std::move(socket)), streams_(std::move(streams)) {}

Task<void> Session::run(wire::Hello hello) {
  greet(hello);
  try {
    co_await take_frames();
  } catch (const Error& violation) {
    log::error(std::string("a program: ") + violation.what(), {.event = "ProtocolViolation"});
  }
  co_await finish_output();
  end();
}

Task<void> Session::take_frames() {
  while (std::optional<wire::Frame> frame = co_await socket_.receive())
    take_frame(*frame);
}

// What is being opened or fetched for it ends where it comes to that.
void Session::end() {
  has_ended_ = true;
  fetching_.clear();
  openings_.clear();
  for (const auto& [id, worker] : std::exchange(workers_, {}))
    worker->close(true);
  socket_.close();
}

// What workers printed before the client left still reaches its streams.
Task<void> Session::finish_output() {
  const auto end = std::chrono::steady_clock::now() + kLastOutputDeadline;
  const auto workers = workers_;
  for (const auto& [id, worker] : workers)
    co_await worker->finish_output(end);
}

void Session::greet(const wire::Hello& hello) {
  if (hello.protocol_version != wire::kProtocolVersion) {
    throw Error(ErrorCode::Protocol, "the client speaks protocol " + std::to_string(hello.protocol_version) +
                                         ", this supervisor " + std::to_string(wire::kProtocolVersion) +
                                         ": install one version of hubcell");
  }
  environment_.emplace(hello.environment);
  working_folder_ = hello.working_folder;
  sources_ = std::make_shared<Sources>(loop_, host_.installation.fetcher, *environment_, hello.working_folder,
                                       hello.hub_folder);
  next_worker_ = hello.first_worker;
  if (const std::string root = sources_->cache_root_if_any(); !root.empty()) Grants::sweep(root);
  output_ = hello.output;
}

process::TemplatePlan Session::template_plan(const std::string& python) const {
  return host_.plan_template(python, *environment_, output_);
}

Task<std::string> Session::choose_interpreter(std::string wanted) {
  const auto self = shared_from_this();
  std::function<bool(const std::string&)> runs = [self](const std::string& python) {
    return self->host_.templates.has(self->template_plan(python));
  };
  co_return co_await process::choose_interpreter(loop_, std::move(wanted), *environment_, working_folder_,
                                                 std::move(runs), host_.torchless);
}

// Whoever needs it waits for the same template, and is told why where there is none.
Task<void> Session::warm_up(std::string python) {
  try {
    const std::string chosen = co_await choose_interpreter(std::move(python));
    co_await host_.templates.get(template_plan(chosen));
  } catch (const std::exception& failure) {
    log::debug(std::string("start an interpreter during a fetch: ") + failure.what());
  }
}

std::vector<std::shared_ptr<Worker>> Session::workers() const {
  std::vector<std::shared_ptr<Worker>> workers;
  for (const auto& [id, worker] : workers_)
    workers.push_back(worker);
  return workers;
}

// Runs `work` (a coroutine) by itself; what it throws becomes the request's Failure.
template <typename Work>
void Session::answer(std::uint64_t request, Work work) {
  auto guarded = [](std::shared_ptr<Session> self, std::uint64_t number, Work inner) -> Task<void> {
    try {
      co_await std::move(inner);
    } catch (const std::exception& failure) {
      self->fail(number, failure);
    }
  };
  process::asio::co_spawn(loop_, guarded(shared_from_this(), request, std::move(work)),
                          process::asio::detached);
}

void Session::fail(std::uint64_t request, const std::exception& failure) {
  fetching_.erase(request);
  const auto* ours = dynamic_cast<const Error*>(&failure);
  const wire::Failure message{.code = ours == nullptr ? ErrorCode::System : ours->code(),
                              .message = std::string(failure.what()).substr(0, kMessageBytesMax)};
  socket_.send(request, message);
}

void Session::take_frame(wire::Frame& frame) {
  const std::uint64_t request = frame.request();
  switch (frame.tag()) {
    case wire::Tag::OpenWorker:
      return answer(request, open_worker(request, frame.as<wire::OpenWorker>()));
    case wire::Tag::DescribeWorker:
      return answer(request, describe_worker(request, frame.as<wire::DescribeWorker>()));
    case wire::Tag::FetchFile:
      return answer(request, fetch_file(request, frame.as<wire::FetchFile>()));
    case wire::Tag::Pins:
      return sources_->pin(frame.as<wire::Pins>().pins);
    case wire::Tag::ManageCache:
      return answer(request, manage_cache(request, frame.as<wire::ManageCache>()));
    case wire::Tag::Attach:
      return attach(frame);
    case wire::Tag::ReadHistory:
      return answer(request, read_history(request, frame.as<wire::ReadHistory>()));
    case wire::Tag::GiveUp:
      fetching_.erase(frame.as<wire::GiveUp>().request);
      return;
    case wire::Tag::Diagnose:
      return answer(request, diagnose(request, frame.as<wire::Diagnose>()));
    case wire::Tag::LoadBegan: {
      const auto message = frame.as<wire::LoadBegan>();
      if (const auto worker = find_worker(message.worker))
        worker->load_began(message.model, request, message.entry);
      return;
    }
    case wire::Tag::LoadEnded: {
      const auto message = frame.as<wire::LoadEnded>();
      const auto worker = find_worker(message.worker);
      if (worker) worker->load_ended(message.model);
      if (request == 0) return;
      if (worker) {
        for (const wire::Pin& used : worker->take_used())
          socket_.send(request, wire::LoadNote{.used = used});
      }
      socket_.send(request, wire::LoadSummary{});
      return;
    }
    case wire::Tag::MapSegment:
      return map_segment(request, frame.as<wire::MapSegment>());
    case wire::Tag::CloseWorker: {
      const auto message = frame.as<wire::CloseWorker>();
      if (const auto worker = find_worker(message.worker)) worker->close(message.nobody_asks);
      return;
    }
    default:
      frame.unexpected();
  }
}

void Session::attach(wire::Frame& frame) {
  if (!host_.attach) frame.unexpected();
  frame.as<wire::Attach>();
  host_.attach(std::move(frame.take_descriptors(1)[0]));
}

std::shared_ptr<Worker> Session::find_worker(std::uint64_t id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : found->second;
}

Task<void> Session::open_worker(std::uint64_t request, wire::OpenWorker message) {
  std::function<void()> on_fetch = [self = shared_from_this(), python = message.python] {
    auto warming = [](std::shared_ptr<Session> session, std::string wanted) -> Task<void> {
      co_await session->warm_up(std::move(wanted));
    };
    process::asio::co_spawn(self->loop_, warming(self, python), process::asio::detached);
  };
  ResolvedSource source = co_await sources_->resolve(message.repository, message.refresh, report_to(request),
                                                     std::move(on_fetch));
  fetching_.erase(request);
  std::string python = co_await choose_interpreter(message.python);
  const std::string key = key_of(source, python, message);
  std::shared_ptr<Opening> opening = openings_[key];
  if (message.refresh || !opening || opening->error || (opening->worker && !opening->worker->serves())) {
    opening = std::make_shared<Opening>(loop_);
    openings_[key] = opening;
    co_await fill_opening(opening, std::move(source), std::move(python), message);
  }
  co_await opening->finished.wait(2 * wire::kTemplateStartDeadline);
  if (opening->error) throw Error(*opening->error);
  if (!opening->worker)
    throw Error(ErrorCode::System,
                "open a worker for " + message.repository + ": it took too long; try again");
  // The descriptors go to the first who asked: one channel has one client.
  const std::vector<posix::UniqueFd> descriptors = opening->worker->take_client_descriptors();
  std::vector<int> borrowed;
  for (const posix::UniqueFd& descriptor : descriptors)
    borrowed.push_back(descriptor.get());
  socket_.send(request, opening->answer, borrowed);
}

std::shared_ptr<Worker> Session::make_worker(const WorkerPlan& plan) {
  if (has_ended_) throw Error(ErrorCode::Cancelled, "the program has ended");
  forget_ended_workers();
  check_quota();
  TellClient tell_client = [weak = weak_from_this()](std::uint64_t request,
                                                     const wire::FetchProgress& progress) {
    if (const auto self = weak.lock()) offer_progress(self->socket_, request, progress);
  };
  auto worker = std::make_shared<Worker>(host_, plan, streams_, sources_, std::move(tell_client));
  workers_[plan.id] = worker;
  return worker;
}

Task<Session::Started> Session::start_worker(WorkerPlan plan, std::string python) {
  for (int tries = 1;; ++tries) {
    std::optional<Error> failure;
    try {
      co_return co_await try_start(plan, python);
    } catch (const Error& failed) {
      failure = failed;
    }
    // What cannot be had is no accident: another interpreter, a sandbox, one more worker.
    const bool is_no_accident =
        failure->code() == ErrorCode::Sandbox || failure->code() == ErrorCode::Usage || has_ended_;
    if (is_no_accident || tries == kStartTries) throw Error(*failure);
    log::info(std::string("is tried again: ") + failure->what(), {.worker = plan.label});
  }
}

Task<Session::Started> Session::try_start(WorkerPlan plan, std::string python) {
  const std::shared_ptr<process::TemplateProcess> origin =
      co_await host_.templates.get(template_plan(python));
  if (plan.is_commit && !plan.permissions.writable_checkout)
    plan.bytecode = BytecodeCache::find(plan.checkout, origin->versions().bytecode_tag);
  const std::shared_ptr<Worker> worker = make_worker(plan);
  co_await worker->start(origin);
  if (plan.is_commit) host_.bytecode.provide(loop_, origin, plan.checkout);
  co_return Started{.worker = worker, .versions = origin->versions()};
}

Task<void> Session::fill_opening(std::shared_ptr<Opening> opening, ResolvedSource source, std::string python,
                                 wire::OpenWorker message) {
  try {
    const WorkerPlan plan{.id = next_worker_++,
                          .label = label_of(source),
                          .checkout = source.folder,
                          .seed = message.seed,
                          .memory_bytes = host_.quotas.memory_of_worker(message.memory_bytes),
                          .threads = message.threads,
                          .output = output_,
                          .permissions = message.permissions,
                          .observe = message.observe,
                          .is_commit = !source.commit.empty(),
                          .refresh = message.refresh};
    const Started started = co_await start_worker(plan, std::move(python));
    if (has_ended_) started.worker->close(true);
    opening->worker = started.worker;
    opening->answer = {.worker = plan.id,
                       .name = source.name,
                       .ref = source.ref,
                       .commit = source.commit,
                       .python_version = started.versions.python_version,
                       .torch_version = started.versions.torch_version,
                       .sandbox = started.worker->sandbox(),
                       .pid = started.worker->pid(),
                       .warnings = source.warnings,
                       .folder = source.folder};
  } catch (const Error& failure) {
    opening->error = failure;
  } catch (const std::exception& failure) {
    opening->error = Error(ErrorCode::System, failure.what());
  }
  opening->finished.happen();
}

// What became of a worker is told for as long as somebody may ask and few have ended since.
void Session::forget_ended_workers() {
  std::erase_if(workers_, [](const auto& entry) {
    return entry.second->ended().happened() && entry.second->nobody_asks();
  });
  for (auto entry = workers_.begin(); entry != workers_.end() && workers_.size() >= wire::kWorkersMax;) {
    entry = entry->second->ended().happened() ? workers_.erase(entry) : std::next(entry);
  }
  std::erase_if(openings_, [](const auto& entry) {
    const std::shared_ptr<Worker>& worker = entry.second->worker;
    return entry.second->error || (worker && worker->ended().happened());
  });
}

void Session::check_quota() const {
  // One that is being closed makes room for the one in whose favour that happens.
  const auto open = std::ranges::count_if(workers_, [](const auto& entry) {
    return !entry.second->ended().happened() && !entry.second->nobody_asks();
  });
  if (static_cast<std::size_t>(open) < host_.quotas.workers) return;
  throw Error(ErrorCode::Usage, "open a worker: " + std::to_string(open) +
                                    " are open in this session, and no more may be; let go of some models");
}

// What the client is told of a fetch that it waits for. Ends the fetch where it has given up.
Report Session::report_to(std::uint64_t request) {
  fetching_.insert(request);
  return [this, request](const wire::FetchEvent& event) {
    if (!fetching_.contains(request)) throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    if (event.entry) socket_.send(request, *event.entry);
    if (event.history) socket_.send(request, *event.history);
    if (event.progress) offer_progress(socket_, request, *event.progress);
  };
}

Task<void> Session::fetch_file(std::uint64_t request, wire::FetchFile message) {
  std::shared_ptr<Worker> worker = message.worker == 0 ? nullptr : find_worker(message.worker);
  if (message.worker != 0 && (!worker || worker->grants() == nullptr)) {
    throw Error(ErrorCode::Usage, "download " + message.name + " for worker " +
                                      std::to_string(message.worker) + ": it has ended");
  }
  Grants* const grants = worker ? worker->grants() : nullptr;
  const wire::FileFetched fetched =
      co_await sources_->fetch_file(std::move(message), grants, report_to(request));
  fetching_.erase(request);
  socket_.send(request, fetched);
}

Task<void> Session::manage_cache(std::uint64_t request, wire::ManageCache message) {
  co_await sources_->manage_cache(std::move(message), report_to(request));
  fetching_.erase(request);
  socket_.send(request, wire::CacheDone{.root = sources_->cache_root()});
}

Task<void> Session::read_history(std::uint64_t request, wire::ReadHistory message) {
  const wire::HistoryRead history = co_await sources_->read_history(std::move(message), report_to(request));
  fetching_.erase(request);
  socket_.send(request, history);
}

Task<void> Session::describe_worker(std::uint64_t request, wire::DescribeWorker message) {
  const std::shared_ptr<Worker> worker = find_worker(message.worker);
  if (!worker)
    throw Error(ErrorCode::Usage, "describe worker " + std::to_string(message.worker) + ": there is none");
  co_await worker->ended().wait(process::Milliseconds(message.wait_ms));
  socket_.send(request, worker->status());
}

void Session::map_segment(std::uint64_t request, const wire::MapSegment& message) {
  const std::shared_ptr<Worker> worker = find_worker(message.worker);
  const auto segment = worker ? worker->segments().find(message.segment) : nullptr;
  if (!segment) {
    const wire::Failure failure{.code = ErrorCode::Usage, .message = "the worker has no such weights"};
    socket_.send(request, failure);
    return;
  }
  const int descriptor = segment->descriptor();
  socket_.send(request, wire::SegmentMapped{.bytes = segment->bytes()}, std::span(&descriptor, 1));
}

Task<void> Session::diagnose(std::uint64_t request, wire::Diagnose message) {
  std::string python = co_await choose_interpreter(message.python);
  const std::shared_ptr<process::TemplateProcess> origin =
      co_await host_.templates.get(template_plan(python));
  std::vector<wire::LayerReport> layers = co_await origin->probe_layers();
  const wire::Diagnosis diagnosis{.python_path = python,
                                  .python_version = origin->versions().python_version,
                                  .torch_version = origin->versions().torch_version,
                                  .layers = std::move(layers)};
  socket_.send(request, diagnosis);
}

}  // namespace hubcell::control

// The way of a load, as far as the supervisor goes: a name becomes a repository, the repository a checkout
// (from the cache, or by the fetcher), the interpreter a template, and the template forks a worker that
// enters its sandbox. From then on the client calls the worker itself.
#include "supervisor/control/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <filesystem>

#include <hubcell/error.h>

#include "supervisor/process/fetcher.h"
#include "supervisor/process/interpreter.h"
#include "supervisor/source/cache.h"

namespace hubcell::control {
namespace {

using process::Task;
namespace fs = std::filesystem;

// Of what a failure says; it has to fit into a frame.
constexpr std::size_t kMessageBytesMax = 64 * 1024;

// How long a client that has gone may leave its workers' last lines unread.
constexpr process::Milliseconds kLastOutputDeadline{500};

std::string label_of(const ResolvedSource& source) {
  if (source.ref.empty()) return source.name;
  return source.name + "@" + source.ref;
}

}  // namespace

Session::Session(process::asio::io_context& loop, const Installation& installation, posix::UniqueFd socket,
                 process::CallerStreams& streams)
    : loop_(loop), installation_(installation), socket_(loop, std::move(socket)), streams_(streams) {}

Task<void> Session::run() {
  const std::optional<wire::Frame> first = co_await socket_.receive();
  if (!first) co_return;
  greet(first->as<wire::Hello>());
  while (std::optional<wire::Frame> frame = co_await socket_.receive())
    take_frame(*frame);
  co_await finish_output();
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
  hub_folder_ = hello.hub_folder;
  output_ = hello.output;
  const process::TemplatePlan like{.python = {}, .extension = installation_.extension, .output = output_};
  templates_.emplace(loop_, like, *environment_, streams_);
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
  const auto* ours = dynamic_cast<const Error*>(&failure);
  const wire::Failure message{.code = ours == nullptr ? ErrorCode::System : ours->code(),
                              .message = std::string(failure.what()).substr(0, kMessageBytesMax)};
  socket_.send(request, message);
}

void Session::take_frame(const wire::Frame& frame) {
  const std::uint64_t request = frame.request();
  switch (frame.tag()) {
    case wire::Tag::OpenWorker:
      return answer(request, open_worker(request, frame.as<wire::OpenWorker>()));
    case wire::Tag::DescribeWorker:
      return answer(request, describe_worker(request, frame.as<wire::DescribeWorker>()));
    case wire::Tag::Diagnose:
      return answer(request, diagnose(request, frame.as<wire::Diagnose>()));
    case wire::Tag::LoadBegan: {
      const auto message = frame.as<wire::LoadBegan>();
      if (const auto worker = find_worker(message.worker)) worker->load_began(message.entry);
      return;
    }
    case wire::Tag::LoadEnded:
      if (const auto worker = find_worker(frame.as<wire::LoadEnded>().worker)) worker->load_ended();
      return;
    case wire::Tag::CloseWorker: {
      const auto message = frame.as<wire::CloseWorker>();
      if (const auto worker = find_worker(message.worker)) worker->close(message.nobody_asks);
      return;
    }
    default:
      frame.unexpected();
  }
}

std::shared_ptr<Worker> Session::find_worker(std::uint64_t id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : found->second;
}

Task<void> Session::open_worker(std::uint64_t request, wire::OpenWorker message) {
  const source::Repository repository = source::parse_repository(
      message.repository, source::github_url(environment_->get("HUBCELL_GITHUB_URL")), working_folder_);
  ResolvedSource source = co_await resolve(request, repository);
  std::string python =
      co_await process::choose_interpreter(loop_, message.python, *environment_, working_folder_);
  const std::string key = source.folder + '\n' + source.ref + '\n' + python + '\n' +
                          (message.seed ? std::to_string(*message.seed) : "") + '\n' +
                          std::to_string(message.memory_bytes) + '\n' + std::to_string(message.threads);
  std::shared_ptr<Opening> opening = openings_[key];
  if (!opening || opening->error || (opening->worker && !opening->worker->serves())) {
    opening = std::make_shared<Opening>(loop_);
    openings_[key] = opening;
    co_await fill_opening(opening, std::move(source), std::move(python), std::move(message));
  }
  co_await opening->finished.wait(2 * wire::kTemplateStartDeadline);
  if (opening->error) throw Error(*opening->error);
  if (!opening->worker)
    throw Error(ErrorCode::System, "open a worker for " + repository.given + ": it took too long; try again");
  // The descriptors go to the first who asked: one channel has one client.
  const std::vector<posix::UniqueFd> descriptors = opening->worker->take_client_descriptors();
  std::vector<int> borrowed;
  for (const posix::UniqueFd& descriptor : descriptors)
    borrowed.push_back(descriptor.get());
  socket_.send(request, opening->answer, borrowed);
}

Task<void> Session::fill_opening(std::shared_ptr<Opening> opening, ResolvedSource source, std::string python,
                                 wire::OpenWorker message) {
  try {
    const std::shared_ptr<process::TemplateProcess> origin = co_await templates_->get(std::move(python));
    forget_ended_workers();
    const WorkerPlan plan{.id = next_worker_++,
                          .label = label_of(source),
                          .checkout = source.folder,
                          .seed = message.seed,
                          .memory_bytes = message.memory_bytes,
                          .threads = message.threads,
                          .output = output_};
    auto worker = std::make_shared<Worker>(loop_, plan, streams_);
    workers_[plan.id] = worker;
    co_await worker->start(origin);
    opening->worker = worker;
    opening->answer = {.worker = plan.id,
                       .name = source.name,
                       .ref = source.ref,
                       .commit = source.commit,
                       .python_version = origin->versions().python_version,
                       .torch_version = origin->versions().torch_version,
                       .sandbox = worker->sandbox(),
                       .pid = worker->pid(),
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
  if (workers_.size() >= wire::kWorkersMax) {
    throw Error(ErrorCode::Usage, "open a worker: " + std::to_string(wire::kWorkersMax) +
                                      " are open in this session; let go of some models");
  }
}

Task<ResolvedSource> Session::resolve(std::uint64_t request, source::Repository repository) {
  if (repository.kind == source::Repository::Kind::Local) {
    std::error_code failure;
    if (!fs::is_regular_file(fs::path(repository.folder) / "hubconf.py", failure)) {
      const bool absent = !failure || failure == std::errc::no_such_file_or_directory;
      throw Error(ErrorCode::Source,
                  "load " + repository.given + ": no hubconf.py in " + repository.folder +
                      (absent ? "; name a folder that holds one" : ": " + failure.message()));
    }
    co_return ResolvedSource{
        .name = repository.name, .ref = {}, .commit = {}, .folder = repository.folder, .warnings = {}};
  }
  const std::string root = source::cache_root(hub_folder_, environment_->all());
  if (auto cached = source::find_cached(root, repository.url, repository.ref)) {
    co_return ResolvedSource{.name = repository.name,
                             .ref = cached->ref,
                             .commit = cached->commit,
                             .folder = cached->folder,
                             .warnings = {}};
  }
  const wire::FetchJob job{
      .url = repository.url, .name = repository.name, .ref = repository.ref, .cache_root = root};
  std::function<void(const wire::FetchProgress&)> report = [this,
                                                            request](const wire::FetchProgress& progress) {
    const wire::Progress message{.what = progress.what, .done = progress.done, .total = progress.total};
    socket_.send(request, message);
  };
  wire::FetchResult result;
  try {
    result = co_await process::run_fetch(loop_, installation_.fetcher, job, *environment_, std::move(report));
  } catch (const Error& failure) {
    throw failure.context("load " + repository.given);
  }
  // The fetcher read foreign data: where the checkout lies is what our own index says, not what it says.
  const auto fetched = source::find_cached(root, repository.url, repository.ref);
  if (!fetched) {
    throw Error(ErrorCode::Source,
                "load " + repository.given + ": it was fetched, but " + root + " does not have it");
  }
  co_return ResolvedSource{.name = repository.name,
                           .ref = fetched->ref,
                           .commit = fetched->commit,
                           .folder = fetched->folder,
                           .warnings = result.warnings};
}

Task<void> Session::describe_worker(std::uint64_t request, wire::DescribeWorker message) {
  const std::shared_ptr<Worker> worker = find_worker(message.worker);
  if (!worker)
    throw Error(ErrorCode::Usage, "describe worker " + std::to_string(message.worker) + ": there is none");
  co_await worker->ended().wait(process::Milliseconds(message.wait_ms));
  socket_.send(request, worker->status());
}

Task<void> Session::diagnose(std::uint64_t request, wire::Diagnose message) {
  std::string python =
      co_await process::choose_interpreter(loop_, message.python, *environment_, working_folder_);
  const std::shared_ptr<process::TemplateProcess> origin = co_await templates_->get(python);
  std::vector<wire::LayerReport> layers = co_await origin->probe_layers();
  const wire::Diagnosis diagnosis{.python_path = python,
                                  .python_version = origin->versions().python_version,
                                  .torch_version = origin->versions().torch_version,
                                  .layers = std::move(layers)};
  socket_.send(request, diagnosis);
}

}  // namespace hubcell::control

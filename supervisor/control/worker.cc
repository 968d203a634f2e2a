#include "supervisor/control/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include <hubcell/error.h>

#include "shared/base/url_text.h"
#include "shared/channel/layout.h"
#include "shared/posix/memory.h"
#include "shared/posix/process_use.h"
#include "shared/posix/system_error.h"
#include "supervisor/source/ref_name.h"
#include "supervisor/source/repository.h"

namespace hubcell::control {
namespace {

using lifecycle::Action;
using lifecycle::Event;
using lifecycle::State;

// How long a worker that was killed may take to be gone: its memory is torn down first.
constexpr process::Milliseconds kEndDeadline{5000};

// How long a wish waits for the news that a load runs.
constexpr process::Milliseconds kLoadTryEvery{10};
constexpr int kLoadTries = 20;

// Without one, the machine's memory.
std::uint64_t memory_budget(std::uint64_t memory_bytes) {
  return memory_bytes != 0 ? memory_bytes : posix::machine_memory_bytes();
}

// Each data area is as large as the worker's budget, and not counted in it.
std::uint64_t data_area_bytes(std::uint64_t memory_bytes) {
  constexpr std::uint64_t kPageBytes = 4096;
  const std::uint64_t bytes = std::min(memory_budget(memory_bytes), wire::kDataAreaBytesMax);
  return bytes / kPageBytes * kPageBytes + kPageBytes;
}

std::string level_of(const std::vector<wire::LayerReport>& layers) {
  bool is_full = true;
  for (const wire::LayerReport& layer : layers) {
    if (!layer.holds && layer.needed) return "off";
    is_full = is_full && layer.holds;
  }
  return is_full ? "full" : "minimal";
}

}  // namespace

Worker::Worker(Host& host, WorkerPlan plan, std::shared_ptr<process::CallerStreams> streams,
               std::shared_ptr<Sources> sources, TellClient tell_client)
    : loop_(host.loop),
      plan_(std::move(plan)),
      streams_(std::move(streams)),
      sources_(std::move(sources)),
      tell_client_(std::move(tell_client)),
      segments_(host.weights, memory_budget(plan_.memory_bytes)),
      ended_(host.loop) {}

void Worker::apply(Event event) {
  const auto row = lifecycle::find_transition(state_, event);
  if (!row) return;  // a benign race: a close that met an end, say
  if (row->next != state_) {
    const auto now = std::chrono::steady_clock::now();
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.2f",
                  std::chrono::duration<double>(now - entered_state_).count());
    log::info(std::string(name(state_)) + " -> " + std::string(name(row->next)) + " (" + seconds + " s)",
              about());
    entered_state_ = now;
    state_ = row->next;
  }
  if (row->action == Action::Kill && pidfd_) posix::send_signal(pidfd_.get(), SIGKILL);
  if (row->action == Action::Forget) {
    if (control_) control_->close();
    if (output_) output_->close();
    pidfd_.reset();
    origin_.reset();
    grants_.reset();
    ended_.happen();
  }
}

process::Task<void> Worker::start(std::shared_ptr<process::TemplateProcess> origin) {
  origin_ = std::move(origin);
  apply(Event::Resolved);
  std::optional<Error> failure;
  try {
    grants_.emplace(sources_->cache_root_if_any());
    auto [control_ours, control_theirs] = posix::make_message_socket_pair();
    auto [output_ours, output_theirs] = posix::make_pipe();
    auto [errors_ours, errors_theirs] = posix::make_pipe();
    posix::UniqueFd memory = posix::make_sealed_memfd(
        "hubcell-channel", channel::channel_bytes(data_area_bytes(plan_.memory_bytes)));
    posix::UniqueFd memory_theirs(
        posix::checked(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 3), "duplicate a memfd"));
    std::vector<posix::UniqueFd> descriptors;
    descriptors.push_back(std::move(control_theirs));
    descriptors.push_back(std::move(memory_theirs));
    descriptors.push_back(std::move(output_theirs));
    descriptors.push_back(std::move(errors_theirs));
    const wire::ForkWorker order{.name = plan_.label,
                                 .checkout = plan_.checkout,
                                 .seed = plan_.seed,
                                 .memory_bytes = plan_.memory_bytes,
                                 .threads = plan_.threads,
                                 .grants = grants_->path(),
                                 .permissions = plan_.permissions,
                                 .observe = plan_.observe,
                                 .bytecode = plan_.bytecode};
    control_.emplace(loop_, std::move(control_ours));
    output_.emplace(loop_, process::OutputRelay::Pipes{std::move(output_ours), std::move(errors_ours)},
                    *streams_, plan_.output, plan_.label);
    std::function<void(posix::ExitStatus)> on_end = [weak = weak_from_this()](posix::ExitStatus status) {
      if (const auto self = weak.lock()) self->take_end(status);
    };
    process::ForkedWorker forked =
        co_await origin_->fork_worker(order, std::move(descriptors), std::move(on_end));
    pid_ = forked.pid;
    pidfd_ = std::move(forked.pidfd);
    apply(Event::Forked);
    watch_.emplace(memory.get());
    client_descriptors_.push_back(std::move(memory));
    client_descriptors_.emplace_back(
        posix::checked(::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 3), "duplicate a pidfd"));
    auto relay = [](std::shared_ptr<Worker> self) -> process::Task<void> { co_await self->output_->run(); };
    process::asio::co_spawn(loop_, relay(shared_from_this()), process::asio::detached);
    co_await await_ready();
    apply(Event::SandboxHolds);
    auto watch = [](std::shared_ptr<Worker> self) -> process::Task<void> { co_await self->watch_control(); };
    process::asio::co_spawn(loop_, watch(shared_from_this()), process::asio::detached);
    co_return;
  } catch (const Error& refused) {
    failure = refused;
  }
  apply(Event::Failed);
  co_await ended_.wait(kEndDeadline);
  throw failure->context("start a worker for " + plan_.label);
}

process::Task<void> Worker::await_ready() {
  const bool readable = co_await control_->readable(wire::kWorkerStartDeadline);
  if (ended_.happened())
    throw Error(ErrorCode::WorkerDied, "it " + posix::describe(exit_) + " before it was ready");
  if (!readable) {
    throw Error(ErrorCode::System, "it did not enter its sandbox within " +
                                       std::to_string(wire::kWorkerStartDeadline.count()) + " s");
  }
  const std::optional<wire::Frame> frame = co_await control_->receive();
  if (!frame) {
    co_await ended_.wait(kEndDeadline);
    throw Error(ErrorCode::WorkerDied, "it " + posix::describe(exit_) + " before it was ready");
  }
  if (frame->tag() == wire::Tag::WorkerFailed)
    throw Error(ErrorCode::Sandbox, frame->as<wire::WorkerFailed>().message);
  const auto ready = frame->as<wire::WorkerReady>();
  sandbox_ = level_of(ready.layers);
  for (const wire::LayerReport& layer : ready.layers)
    log::debug(layer.name + (layer.holds ? ": " : " does not hold: ") + layer.detail, about());
  if (sandbox_ == "off") log::warn("its sandbox is OFF: its code may do what you may", about());
}

// Of what a worker sends only wishes are expected, and so many of them, and its weights; whatever else it says is a lie.
process::Task<void> Worker::watch_control() {
  try {
    while (std::optional<wire::Frame> frame = co_await control_->receive()) {
      const bool is_about_weights = co_await answer_about_weights(*frame);
      if (is_about_weights) continue;
      if (++wants_ > 2 * wire::kWantsMax) throw Error(ErrorCode::Protocol, "it wants too much");
      Want want;
      if (frame->tag() == wire::Tag::WantRepository) {
        want.repository = frame->as<wire::WantRepository>();
      } else {
        want.file = frame->as<wire::WantFile>();
      }
      co_await answer_want(frame->request(), std::move(want));
    }
  } catch (const std::exception& violation) {
    log::warn(violation.what(), {.worker = plan_.label, .worker_pid = pid_, .event = "ProtocolViolation"});
    apply(Event::Failed);
  }
}

// False where it is about something else. A worker that does not read its answers gets none.
process::Task<bool> Worker::answer_about_weights(const wire::Frame& frame) {
  if (frame.tag() == wire::Tag::WantSegments) {
    std::optional<Error> refusal;
    try {
      const std::vector<int> blanks = segments_.make(frame.as<wire::WantSegments>().bytes);
      control_->offer(frame.request(), wire::SegmentsMade{}, blanks);
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::Protocol) throw;
      refusal = failure;
    }
    if (refusal)
      control_->offer(frame.request(), wire::Failure{.code = refusal->code(), .message = refusal->what()});
  } else if (frame.tag() == wire::Tag::OfferSegments) {
    frame.as<wire::OfferSegments>();
    const auto shared = co_await segments_.share();
    wire::SegmentsShared answer;
    std::vector<int> descriptors;
    for (const auto& segment : shared) {
      answer.segments.push_back(segment->number());
      descriptors.push_back(segment->descriptor());
    }
    control_->offer(frame.request(), answer, descriptors);
  } else if (frame.tag() == wire::Tag::DropSegments) {
    segments_.drop(frame.as<wire::DropSegments>().segments);
  } else {
    co_return false;
  }
  co_return true;
}

process::Task<void> Worker::answer_want(std::uint64_t request, Want want) {
  wire::Failure refusal;
  try {
    const std::string path = co_await grant(std::move(want));
    if (control_) control_->offer(request, wire::Granted{.path = path});
    co_return;
  } catch (const Error& failure) {
    refusal = {.code = failure.code(), .message = failure.what()};
  } catch (const std::exception& failure) {
    refusal = {.code = ErrorCode::System, .message = failure.what()};
  }
  log::info("refused: " + refusal.message, about());
  if (control_) control_->offer(request, refusal);
}

process::Task<std::string> Worker::grant(Want want) {
  if (!is_allowed(want)) co_await await_load();
  if (wants_ > wire::kWantsMax) {
    throw Error(ErrorCode::Usage,
                "a worker has at most " + std::to_string(wire::kWantsMax) + " things fetched");
  }
  const std::uint64_t request = loads_.empty() ? 0 : loads_.begin()->second;
  const auto self = shared_from_this();
  Report report = [self, request](const wire::FetchEvent& event) {
    if (self->ended_.happened()) throw Error(ErrorCode::Cancelled, "the worker has ended");
    if (event.progress && request != 0) self->tell_client_(request, *event.progress);
  };
  wire::Pin used;
  std::string path;
  if (want.repository) {
    log::info("wants the repository " + source::printable(want.repository->repository), about());
    path =
        co_await sources_->grant_repository(std::move(*want.repository), *grants_, std::move(report), used);
  } else {
    log::info("wants " + source::printable(want.file->url), about());
    FileGrant wanted{.file = std::move(*want.file), .readable = plan_.permissions.read, .refresh = false};
    wanted.refresh = plan_.refresh && refreshed_.insert(wanted.file.url).second;
    path = co_await sources_->grant_file(std::move(wanted), *grants_, std::move(report), used);
  }
  used_.push_back(used);
  co_return path;
}

bool Worker::is_allowed(const Want& want) const {
  if (!want.file || !grants_) return false;
  const std::string host = plain_host_of(want.file->url);
  return !host.empty() && std::ranges::find(plan_.permissions.hosts, host) != plan_.permissions.hosts.end();
}

// Outside of a load nothing else is fetched: URLs would carry the inputs of calls out. That a load began may be heard of a
// moment later than what is wanted in it, on another socket.
process::Task<void> Worker::await_load() {
  for (int tries = 0; loads_.empty() && tries < kLoadTries; ++tries)
    co_await process::pause(loop_, kLoadTryEvery);
  if (!loads_.empty() && grants_) co_return;
  throw Error(
      ErrorCode::Usage,
      "a worker has things fetched only while a load runs in it: URLs would carry the inputs of calls "
      "out; allow_net (--allow-net HOST) names hosts of which it may at any time");
}

void Worker::take_end(posix::ExitStatus status) {
  exit_ = status;
  if (output_) output_->drain();
  if (state_ != State::Stopping) log::info("its process " + posix::describe(status), about());
  apply(Event::Ended);
}

void Worker::load_began(std::uint64_t model, std::uint64_t request, const std::string& entry) {
  loads_[model] = request;
  log::info(entry.empty() ? "import hubconf.py" : "load " + source::printable(entry), about());
  entry_ = entry;
  segments_.note_load();
  apply(Event::LoadBegan);
}

void Worker::load_ended(std::uint64_t model) {
  if (loads_.erase(model) == 0) return;
  if (loads_.empty()) apply(Event::LoadEnded);
}

wire::WorkerStatus Worker::status() {
  const weights::WorkerSegments::Use weights = segments_.use();
  wire::WorkerStatus status{.ended = ended_.happened(),
                            .exit_code = exit_.exit_code,
                            .signal = exit_.signal,
                            .output_tail = {},
                            .reason = reason_,
                            .weights_bytes = weights.bytes,
                            .common_weights_bytes = weights.common_bytes};
  if (output_) {
    output_->drain();
    status.output_tail.assign(output_->tail().begin(), output_->tail().end());
  }
  return status;
}

void Worker::stop(const std::string& reason) {
  if (ended_.happened() || state_ == State::Stopping) return;
  reason_ = reason;
  log::info(reason, about());
  apply(Event::Close);
}

std::size_t Worker::calls() const {
  return watch_ && !ended_.happened() ? watch_->calls() : 0;
}

void Worker::look() {
  if (!watch_ || ended_.happened()) return;
  const std::pair use(watch_->last_sequence(), posix::processor_time_of(static_cast<pid_t>(pid_)));
  if (use != seen_use_ || calls() > 0) last_active_ = std::chrono::steady_clock::now();
  seen_use_ = use;
}

std::chrono::milliseconds Worker::idle() const {
  const auto since = std::chrono::steady_clock::now() - last_active_;
  return std::chrono::duration_cast<std::chrono::milliseconds>(since);
}

process::Task<void> Worker::finish_output(std::chrono::steady_clock::time_point end) {
  if (output_) co_await output_->finish(end);
}

}  // namespace hubcell::control

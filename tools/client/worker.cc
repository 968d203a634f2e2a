// A call: the request is encoded (tensors are copied once, into the client's area), put into a slot, and
// waited for; the response is copied out, checked and decoded, its tensors mapped where they lie. Every call
// ends in exactly one way: an answer, an exception of the foreign code, the worker's death, or its deadline.
#include "tools/client/worker.h"

#include <csignal>

#include "shared/base/log.h"
#include "shared/posix/process.h"
#include "shared/wire/limits.h"

namespace hubcell::client {
namespace {

// A worker that was killed may take this long to be described.
constexpr std::chrono::milliseconds kStatusWait{5000};
// What a request may say is no longer needed, beside its arguments, and where it says nothing else.
constexpr std::size_t kReleasedBesideCall = 1024;
constexpr std::size_t kReleasedAlone = 60'000;

std::string seconds_text(std::chrono::milliseconds limit) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g s", std::chrono::duration<double>(limit).count());
  return text;
}

}  // namespace

Worker::Worker(std::shared_ptr<Session> session, wire::WorkerOpened opened,
               std::vector<posix::UniqueFd> descriptors)
    : session_(std::move(session)),
      opened_(std::move(opened)),
      channel_(std::make_shared<channel::ClientChannel>(std::move(descriptors[0]), std::move(descriptors[1]),
                                                        std::move(descriptors[2]))) {}

Worker::~Worker() {
  try {
    session_->close_worker(opened_.worker);
  } catch (const Error& gone) {
    log::debug(gone.what());
  }
}

ModelInfo Worker::info() const {
  return {.repository = opened_.name,
          .ref = opened_.ref,
          .commit = opened_.commit,
          .python = opened_.python_version,
          .torch = opened_.torch_version,
          .sandbox = opened_.sandbox,
          .pid = opened_.pid};
}

std::string Worker::label() const {
  return opened_.ref.empty() ? opened_.name : opened_.name + "@" + opened_.ref;
}

bool Worker::has_ended() const {
  return killed_ || posix::has_ended(channel_->pidfd());
}

void Worker::check_handles(const Value& value) const {
  if (value.is<Handle>()) {
    const auto& handle = value.as<Handle>();
    const auto* lease = static_cast<const HandleLease*>(handle.lease.get());
    if (lease == nullptr) throw Error(ErrorCode::StaleHandle, "pass a handle: it names no object");
    if (lease->worker.get() != this) {
      throw Error(ErrorCode::Usage, "pass a " + handle.class_name + " of " + lease->worker->label() + " to " +
                                        label() +
                                        ": an object stays in its own worker; pass tensors or plain values");
    }
  }
  const auto check_all = [this](const std::vector<Value>& items) {
    for (const Value& item : items)
      check_handles(item);
  };
  if (value.is<List>()) check_all(value.as<List>().items);
  if (value.is<Tuple>()) check_all(value.as<Tuple>().items);
  if (!value.is<Dict>()) return;
  for (const auto& [key, item] : value.as<Dict>().items) {
    check_handles(key);
    check_handles(item);
  }
}

std::unique_ptr<PendingCall> Worker::begin(channel::CallRequest request, std::string what,
                                           std::chrono::milliseconds deadline) {
  for (const Value& argument : request.arguments)
    check_handles(argument);
  for (const auto& [name, argument] : request.keywords)
    check_handles(argument);
  reap_abandoned();
  const bool releases_alone = request.verb == channel::Verb::Release;
  if (!releases_alone) flush_releases();
  if (has_ended()) {
    return std::make_unique<PendingCall>(shared_from_this(), std::nullopt, std::move(what), deadline);
  }
  channel::ClientChannel::Released released =
      channel_->take_released(releases_alone ? kReleasedAlone : kReleasedBesideCall);
  request.released_handles = std::move(released.handles);
  request.released_blocks = std::move(released.blocks);
  std::vector<std::uint64_t> placed;
  const BlockPlacer place = [&](const Tensor& tensor) {
    const Block block = channel_->place_argument(tensor);
    placed.push_back(block.offset);
    return block;
  };
  try {
    const channel::Ticket ticket = channel_->begin(channel::encode_request(request, place));
    return std::make_unique<PendingCall>(shared_from_this(), ticket, std::move(what), deadline);
  } catch (const Error& failure) {
    channel_->free_arguments(placed);
    for (const std::uint64_t id : request.released_handles)
      channel_->release_handle(id);
    channel_->release_blocks(request.released_blocks);
    throw failure.context(what + " of " + label());
  }
}

Value Worker::perform(channel::CallRequest request, std::string what, std::chrono::milliseconds deadline) {
  return begin(std::move(request), std::move(what), deadline)->get();
}

Value Worker::load(channel::CallRequest request, std::chrono::milliseconds deadline) {
  const std::string entry = request.name;
  const std::uint64_t model = session_->load_began(opened_.worker, entry);
  try {
    Value loaded = perform(std::move(request), "load " + entry, deadline);
    session_->load_ended(opened_.worker, model, true);
    return loaded;
  } catch (const Error&) {
    session_->load_ended(opened_.worker, model, false);
    throw;
  }
}

Value Worker::wait(const channel::Ticket& ticket, const std::string& what, std::chrono::milliseconds limit,
                   Deadline deadline) {
  switch (channel_->wait(ticket, deadline)) {
    case channel::WaitOutcome::Answered:
      return finish(ticket, what);
    case channel::WaitOutcome::WorkerEnded:
      throw_died(what);
    case channel::WaitOutcome::DeadlineExceeded:
      give_up(ticket, what, limit);
  }
  throw_died(what);
}

ValueReadContext Worker::read_context() {
  return {.map_block = [this](const Block& block) { return channel_->map_answer(block); },
          .bind_handle = [this](std::uint64_t id) { return bind_handle(id); }};
}

std::shared_ptr<HandleLease> Worker::bind_handle(std::uint64_t id) {
  if (++handle_count_ > wire::kHandlesMax) {
    --handle_count_;
    throw Error(ErrorCode::Protocol,
                "it gives out more than " + std::to_string(wire::kHandlesMax) + " handles");
  }
  return std::make_shared<HandleLease>(shared_from_this(), id);
}

Value Worker::finish(const channel::Ticket& ticket, const std::string& what) {
  channel::CallResponse response;
  try {
    response = channel::decode_response(channel_->take_response(ticket), read_context());
    channel_->free_arguments(response.released_blocks);
  } catch (const Error& lie) {
    // Nothing that it says from now on can be believed.
    log::warn("worker " + label() + ": protocol violation: " + lie.what());
    killed_ = true;
    posix::send_signal(channel_->pidfd(), SIGKILL);
    throw Error(
        ErrorCode::Protocol,
        what + " of " + label() + ": the worker broke the protocol and was ended (" + lie.what() + ")");
  }
  if (!response.failure) return std::move(response.value);
  const std::string message = what + " of " + label() + ": " + response.failure->message;
  if (response.failure->remote) throw Error(std::move(*response.failure->remote), message);
  throw Error(response.failure->code, message);
}

void Worker::throw_died(const std::string& what) {
  std::string how = "ended";
  try {
    const wire::WorkerStatus status = session_->describe_worker(opened_.worker, kStatusWait);
    if (status.ended) how = posix::describe({.exit_code = status.exit_code, .signal = status.signal});
    if (!status.output_tail.empty()) how += "; its last line: " + status.output_tail.back();
  } catch (const Error& unknown) {
    how = std::string("ended with its supervisor (") + unknown.what() + ")";
  }
  throw Error(ErrorCode::WorkerDied, what + " of " + label() + ": the worker " + how + "; load it again");
}

void Worker::give_up(const channel::Ticket& ticket, const std::string& what,
                     std::chrono::milliseconds limit) {
  channel_->cancel(ticket);
  const std::string late = what + " of " + label() + ": no answer within " + seconds_text(limit) + "; ";
  if (channel_->is_queued(ticket)) {
    // The worker is busy for somebody else, who must not pay for this call.
    abandon(ticket);
    throw Error(ErrorCode::DeadlineExceeded, late + "it still waited behind other calls");
  }
  posix::send_signal(channel_->pidfd(), SIGINT);
  const auto grace = std::chrono::steady_clock::now() + wire::kInterruptGrace;
  const bool answered = channel_->wait(ticket, grace) == channel::WaitOutcome::Answered;
  std::string end = "it was interrupted";
  if (answered) {
    abandon(ticket);
    reap_abandoned();
  } else {
    killed_ = true;
    posix::send_signal(channel_->pidfd(), SIGKILL);
    end = "it did not react to an interrupt, so its worker was killed";
  }
  throw Error(ErrorCode::DeadlineExceeded, late + end);
}

void Worker::release_handle(std::uint64_t id) {
  --handle_count_;
  channel_->release_handle(id);
  if (!reaping_) flush_releases();
}

// A handle may hold gigabytes, so that it is not left until the next call. Nobody waits for the answer, and
// one such request is in flight at most.
void Worker::flush_releases() {
  if (has_ended() || !channel_->release_is_due()) return;
  reap_abandoned();
  if (has_abandoned()) return;
  try {
    channel::CallRequest request;
    request.verb = channel::Verb::Release;
    begin(std::move(request), "release handles", std::chrono::milliseconds(0));
  } catch (const Error& busy) {
    // They stay on the list for the next request.
    log::debug(busy.what());
  }
}

void Worker::abandon(const channel::Ticket& ticket) {
  const std::scoped_lock lock(mutex_);
  abandoned_.push_back(ticket);
}

bool Worker::has_abandoned() {
  const std::scoped_lock lock(mutex_);
  return !abandoned_.empty();
}

void Worker::reap_abandoned() {
  // Not again from within: what is taken here may drop handles, which are released, which begins a call.
  if (reaping_.exchange(true)) return;
  std::vector<channel::Ticket> answered;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(abandoned_, [&](const channel::Ticket& ticket) {
      if (!channel_->is_answered(ticket)) return false;
      answered.push_back(ticket);
      return true;
    });
  }
  for (const channel::Ticket& ticket : answered) {
    try {
      finish(ticket, "an abandoned call");
    } catch (const Error& failure) {
      log::debug(failure.what());
    }
  }
  reaping_ = false;
}

PendingCall::PendingCall(std::shared_ptr<Worker> worker, std::optional<channel::Ticket> ticket,
                         std::string what, std::chrono::milliseconds limit)
    : worker_(std::move(worker)), ticket_(ticket), what_(std::move(what)), limit_(limit) {
  if (ticket && limit.count() > 0) deadline_ = ticket->begun + limit;
}

PendingCall::~PendingCall() {
  if (!taken_ && ticket_) worker_->abandon(*ticket_);
}

Value PendingCall::get() {
  if (taken_.exchange(true)) throw Error(ErrorCode::Usage, what_ + ": its answer was taken before");
  if (!ticket_) worker_->throw_died(what_);
  return worker_->wait(*ticket_, what_, limit_, deadline_);
}

}  // namespace hubcell::client

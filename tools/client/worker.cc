// A call: the request is encoded (tensors are copied once, into the client's area), put into a slot, and
// waited for; the response is copied out, checked and decoded, its tensors mapped where they lie. Every call
// ends in exactly one way: an answer, an exception of the foreign code, the worker's death, or its deadline.
#include "tools/client/worker.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "shared/base/log.h"
#include "shared/posix/process.h"
#include "shared/posix/process_use.h"
#include "shared/wire/limits.h"

namespace hubcell::client {
namespace {

// A worker that was killed may take this long to be described.
constexpr std::chrono::milliseconds kStatusWait{5000};

namespace fs = std::filesystem;

// The path that an exception of the worker's code is about; empty where it is about none.
std::string path_in_vain(const RemoteException& remote) {
  const bool is_read_only =
      remote.builtin == "OSError" && remote.message.find("Read-only file system") != std::string::npos;
  if (remote.builtin != "FileNotFoundError" && remote.builtin != "PermissionError" && !is_read_only)
    return "";
  const std::size_t end = remote.message.rfind('\'');
  const std::size_t begin = end == std::string::npos || end == 0 ? end : remote.message.rfind('\'', end - 1);
  return begin == std::string::npos ? "" : remote.message.substr(begin + 1, end - begin - 1);
}

bool wanted_more_space(const RemoteException& remote) {
  return remote.builtin == "OSError" &&
         (remote.message.find("No space left on device") != std::string::npos ||
          remote.message.find("File too large") != std::string::npos);
}

// What to do where this program has what the worker's code asked for in vain, and where it may have wanted to write. The
// text is the worker's; all that it brings about is a look at a file of ours.
std::string file_advice(const RemoteException& remote, const std::string& checkout) {
  if (wanted_more_space(remote))
    return "; a worker's scratch folder is bounded: scratch (--scratch SIZE) gives it more";
  const std::string path = path_in_vain(remote);
  if (path.empty()) return "";
  if (path.starts_with(checkout + "/")) {
    if (remote.builtin == "FileNotFoundError") return "";
    return "; a checkout is read-only: writable_checkout (--writable-checkout) gives its worker a copy to "
           "write";
  }
  std::error_code failure;
  if (fs::exists(path, failure)) {
    return "; this program has that file, and its worker does not: allow_read or allow_write (--allow-read "
           "PATH, "
           "--allow-write PATH) open it, hubcell::File::read(path) (file:PATH on the command line) passes a "
           "copy";
  }
  const bool is_the_workers = path.find("/hubcell-" + std::to_string(::getuid()) + "/") != std::string::npos;
  const bool has_folder = path.starts_with('/') && fs::is_directory(fs::path(path).parent_path(), failure);
  if (is_the_workers || !has_folder) return "";
  return "; if it is to be written: a worker writes in its scratch folder, and where allow_write "
         "(--allow-write PATH) says";
}

}  // namespace

Worker::Worker(std::shared_ptr<Session> session, wire::WorkerOpened opened,
               std::vector<posix::UniqueFd> descriptors, std::uint32_t replica)
    : session_(std::move(session)),
      opened_(std::move(opened)),
      channel_(
          std::make_shared<channel::ClientChannel>(std::move(descriptors[0]), std::move(descriptors[1]))),
      replica_(replica) {}

Worker::~Worker() {
  try {
    session_->close_worker(opened_.worker, true);
  } catch (const Error& gone) {
    log::debug(gone.what());
  }
}

// The supervisor's books; of one that has gone there are none.
wire::WorkerStatus Worker::status() const {
  try {
    return session_->describe_worker(opened_.worker, std::chrono::milliseconds(0));
  } catch (const Error&) {
    return {};
  }
}

ModelInfo Worker::info() const {
  // The number of one that has ended may be another's.
  const posix::ProcessUse use =
      has_ended() ? posix::ProcessUse{} : posix::use_of(static_cast<pid_t>(opened_.pid));
  const wire::WorkerStatus books = has_ended() ? wire::WorkerStatus{} : status();
  return {.repository = opened_.name,
          .ref = opened_.ref,
          .commit = opened_.commit,
          .python = opened_.python_version,
          .torch = opened_.torch_version,
          .sandbox = opened_.sandbox,
          .pid = opened_.pid,
          .folder = opened_.folder,
          .load_seconds = load_seconds_,
          .private_bytes = use.private_bytes,
          .shared_bytes = use.shared_bytes,
          .weights_bytes = books.weights_bytes,
          .common_weights_bytes = books.common_weights_bytes,
          .pids = {opened_.pid}};
}

std::string Worker::label() const {
  return opened_.ref.empty() ? opened_.name : opened_.name + "@" + opened_.ref;
}

std::string Worker::label_with_replica() const {
  return options().replicas == 1 ? label() : label() + " (replica " + std::to_string(replica_ + 1) + ")";
}

std::size_t Worker::calls_in_flight() const {
  session_->check_process();
  return channel_->calls_in_flight();
}

bool Worker::has_ended() const {
  return killed_ || posix::has_ended(channel_->pidfd());
}

void Worker::kill() {
  killed_ = true;
  posix::send_signal(channel_->pidfd(), SIGKILL);
}

std::uint64_t Worker::number_handle(const Handle& handle) const {
  const auto* lease = static_cast<const HandleLease*>(handle.lease.get());
  if (lease == nullptr) throw Error(ErrorCode::StaleHandle, "pass a handle: it names no object");
  const HandleLease::Place place = lease->place_in(*this);
  if (place.worker.get() == this) return place.id;
  if (place.worker->has_ended()) {
    throw Error(ErrorCode::StaleHandle, "pass a " + handle.class_name + " of " + place.worker->label() +
                                            ": its worker has died; get it again from its model");
  }
  throw Error(ErrorCode::Usage, "pass a " + handle.class_name + " of " + place.worker->label_with_replica() +
                                    " to " + label_with_replica() +
                                    ": an object stays in its own worker; pass tensors or plain values");
}

std::string Worker::death() const {
  const std::scoped_lock lock(mutex_);
  return death_;
}

std::unique_ptr<PendingCall> Worker::begin(channel::CallRequest request, CallPlan plan) {
  session_->check_process();
  reap_abandoned();
  Value state = request.state;
  // Another end than ours shows in the wait.
  if (killed_)
    return std::make_unique<PendingCall>(shared_from_this(), std::nullopt, std::move(plan), std::move(state));
  std::vector<std::uint64_t> placed;
  const ValueWriteContext context{
      .place_tensors =
          [&](std::span<const Tensor* const> tensors) { return place_arguments(tensors, placed); },
      .number_handle = [this](const Handle& handle) { return number_handle(handle); }};
  request.state = generator_.begin(state);
  try {
    const channel::Ticket ticket = enter_slot(channel::encode_request(request, context), plan);
    return std::make_unique<PendingCall>(shared_from_this(), ticket, std::move(plan), std::move(state));
  } catch (const Error& failure) {
    generator_.end(None{}, None{});
    channel_->free_arguments(placed);
    throw failure.context(plan.what + " of " + label());
  }
}

PlacedTensors Worker::place_arguments(std::span<const Tensor* const> tensors,
                                      std::vector<std::uint64_t>& placed) {
  const auto allocate = [&](std::uint64_t bytes) {
    const AllocatedBlock allocated = channel_->allocate_argument(bytes);
    placed.push_back(allocated.block.offset);
    return allocated;
  };
  if (std::ranges::none_of(tensors, [&](const Tensor* tensor) { return channel_->may_be_reserved(*tensor); }))
    return place_copies(tensors, allocate);
  PlacedTensors result{.blocks = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
  std::map<std::uint64_t, std::uint32_t> reserved;  // offset of a block, and its place in the message
  std::vector<const Tensor*> others;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::optional<AllocatedBlock> found = channel_->find_reserved(*tensors[i]);
    if (!found) {
      others.push_back(tensors[i]);
      places.push_back(i);
      continue;
    }
    const auto [entry, is_new] =
        reserved.emplace(found->block.offset, static_cast<std::uint32_t>(result.blocks.size()));
    if (is_new) {
      channel_->lend_reserved(found->block.offset);
      placed.push_back(found->block.offset);
      result.blocks.push_back(found->block);
    }
    result.tensors[i] = {.block = entry->second,
                         .begin = static_cast<std::uint64_t>(tensors[i]->data() - found->data),
                         .strides = {}};
    if (!tensors[i]->is_contiguous()) result.tensors[i].strides = tensors[i]->strides();
  }
  const auto first = static_cast<std::uint32_t>(result.blocks.size());
  PlacedTensors copies = place_copies(others, allocate);
  result.blocks.insert(result.blocks.end(), copies.blocks.begin(), copies.blocks.end());
  for (std::size_t i = 0; i < places.size(); ++i) {
    result.tensors[places[i]] = std::move(copies.tensors[i]);
    result.tensors[places[i]].block += first;
  }
  return result;
}

channel::Ticket Worker::enter_slot(std::span<const std::byte> request, const CallPlan& plan) {
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    if (const auto ticket = channel_->begin(request)) return *ticket;
    if (!plan.waits_for_slot) {
      throw Error(ErrorCode::Usage, std::to_string(wire::kSlotCount) +
                                        " calls are in flight to this worker already; wait for one of them");
    }
    if (plan.limit.count() > 0 && std::chrono::steady_clock::now() - began >= plan.limit) {
      throw Error(ErrorCode::DeadlineExceeded, "it did not begin in time; it waited behind other calls");
    }
    if (has_ended()) throw_died(plan.what);
    if (options().poll) options().poll();
    channel_->wait_for_slot();
    reap_abandoned();
  }
}

Value Worker::perform(channel::CallRequest request, std::string what) {
  return begin(std::move(request),
               {.what = std::move(what), .limit = options().deadline, .waits_for_slot = true})
      ->get();
}

Value Worker::perform_with_hubconf(channel::CallRequest request, std::string what) {
  return begin(std::move(request), {.what = std::move(what),
                                    .limit = options().deadline,
                                    .waits_for_slot = true,
                                    .bracket = std::make_shared<LoadBracket>(session_, id(), "")})
      ->get();
}

std::unique_ptr<PendingCall> Worker::begin_load(channel::CallRequest request, std::chrono::milliseconds limit,
                                                HandlesTaker take_handles) {
  const std::string entry = request.name;
  return begin(std::move(request), {.what = "load " + entry,
                                    .limit = limit,
                                    .waits_for_slot = true,
                                    .bracket = std::make_shared<LoadBracket>(session_, id(), entry),
                                    .on_answer = std::move(take_handles)});
}

std::shared_ptr<HandleLease> Worker::bind_handle(std::uint64_t id) {
  if (++handle_count_ > wire::kHandlesMax) {
    --handle_count_;
    throw Error(ErrorCode::Protocol,
                "it gives out more than " + std::to_string(wire::kHandlesMax) + " handles");
  }
  return std::make_shared<HandleLease>(shared_from_this(), id);
}

// Each answer has its own, since the program may write into what it was given.
MappedBlock Worker::map_segment(const Block& block) {
  const posix::UniqueFd segment = session_->map_segment(opened_.worker, block.segment);
  channel_->release_segment(block.segment);
  const std::size_t bytes = posix::file_bytes(segment.get());
  if (block.offset != 0 || block.bytes != bytes)
    throw Error(ErrorCode::Protocol, "the worker's answer names weights that are not there");
  auto mapping = std::make_shared<posix::Mapping>(posix::Mapping::private_of(segment.get(), bytes));
  std::byte* data = mapping->data();
  return {.data = data, .owner = std::shared_ptr<void>(std::move(mapping), data)};
}

ValueReadContext Worker::context_of(Answer& answer) {
  const auto map_block = [this, &answer](const Block& block) {
    if (block.segment == 0) return channel_->map_answer(block);
    if (++answer.segments > wire::kSegmentsMax)
      throw Error(ErrorCode::Protocol, "the worker's answer names more weights than it may have");
    return map_segment(block);
  };
  const auto bind = [this, &answer](std::uint64_t handle) {
    answer.handles.push_back(bind_handle(handle));
    return answer.handles.back();
  };
  return {.map_block = map_block, .bind_handle = bind};
}

Worker::Answer Worker::finish(const channel::Ticket& ticket, const std::string& what, const Value& state,
                              Value& changed) {
  channel::CallResponse response;
  Answer answer;
  try {
    response = channel::decode_response(channel_->take_response(ticket), context_of(answer));
    channel_->free_arguments(response.released_blocks);
  } catch (const Error& lie) {
    if (lie.code() != ErrorCode::Protocol) {
      // The supervisor did not give weights that the answer names, or this program has no room for them.
      generator_.end(None{}, None{});
      throw lie.context(what + " of " + label());
    }
    // Nothing that it says from now on can be believed.
    log::warn(lie.what(), {.worker = label(), .worker_pid = opened_.pid, .event = "ProtocolViolation"});
    kill();
    note_told();
    throw Error(
        ErrorCode::Protocol,
        what + " of " + label() + ": the worker broke the protocol and was ended (" + lie.what() + ")");
  }
  generator_.end(state, response.state);
  changed = std::move(response.state);
  if (!response.failure) {
    answer.value = std::move(response.value);
    return answer;
  }
  std::string message = what + " of " + label() + ": " + response.failure->message;
  if (!response.failure->remote) throw Error(response.failure->code, message);
  message += file_advice(*response.failure->remote, opened_.folder);
  throw Error(std::move(*response.failure->remote), message);
}

void Worker::throw_died(const std::string& what) {
  if (session_->has_ended()) {
    throw Error(ErrorCode::StaleHandle, what + " of " + label() + ": its Hub was closed; load it again");
  }
  std::string how = "ended";
  WorkerDeath death;
  try {
    const wire::WorkerStatus status = session_->describe_worker(opened_.worker, kStatusWait);
    if (status.ended) how = posix::describe({.exit_code = status.exit_code, .signal = status.signal});
    if (!status.reason.empty()) how = status.reason;
    death = {.exit_code = status.exit_code, .signal = status.signal, .output_tail = status.output_tail};
    if (!status.output_tail.empty()) how += "; its last line: " + status.output_tail.back();
  } catch (const Error& unknown) {
    how = std::string("ended with its supervisor (") + unknown.what() + ")";
  }
  {
    const std::scoped_lock lock(mutex_);
    death_ = "the worker " + how;
  }
  note_told();
  throw Error(std::move(death), what + " of " + label() + ": the worker " + how +
                                    "; its models are loaded again by the next call");
}

void Worker::release_handle(std::uint64_t id) {
  --handle_count_;
  channel_->release_handle(id);
}

void Worker::let_go(std::shared_ptr<Worker> worker) {
  if (worker->handle_count_ != 0) return;
  const std::shared_ptr<Session> session = worker->session_;
  session->let_go(std::move(worker));
}

void Worker::abandon(const channel::Ticket& ticket, const Value& state) {
  const std::scoped_lock lock(mutex_);
  abandoned_.push_back({.ticket = ticket, .state = state});
}

void Worker::reap_abandoned() {
  std::vector<Abandoned> answered;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(abandoned_, [&](const Abandoned& call) {
      if (!channel_->is_answered(call.ticket)) return false;
      answered.push_back(call);
      return true;
    });
  }
  for (const Abandoned& call : answered) {
    try {
      Value changed;
      finish(call.ticket, "an abandoned call", call.state, changed);
    } catch (const Error& failure) {
      log::debug(failure.what());
    }
  }
}

LoadBracket::LoadBracket(std::shared_ptr<Session> session, std::uint64_t worker, const std::string& entry)
    : session_(std::move(session)),
      worker_(worker),
      model_(session_->load_began(worker, entry)),
      is_load_(!entry.empty()) {}

LoadBracket::~LoadBracket() {
  try {
    session_->load_ended(worker_, model_, succeeded_);
  } catch (const Error& gone) {
    log::debug(gone.what());
  }
}

}  // namespace hubcell::client

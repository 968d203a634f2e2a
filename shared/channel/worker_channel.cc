#include "shared/channel/worker_channel.h"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/wire/limits.h"

namespace hubcell::channel {
namespace {

constexpr std::uint64_t kWarmBytesMax = std::uint64_t{256} << 20;
// The supervisor's end is looked for between slices of sleep; as a rule the kernel tells it sooner (PDEATHSIG).
constexpr std::chrono::seconds kSleepSlice{1};
// From one small call to the next of a caller that waits for nothing else.
constexpr std::chrono::microseconds kAtOnce{4};

}  // namespace

struct WorkerChannel::Shared {
  Shared(int fd, std::uint64_t area_bytes)
      : mapping(posix::Mapping::of(fd, channel_bytes(area_bytes))),
        area(kAreasOffset + area_bytes, area_bytes) {}

  posix::Mapping mapping;
  std::mutex mutex;  // guards all below
  DataArea area;
  // A block of an answer is in use while the worker or the client looks at it.
  struct Answer {
    std::uint64_t bytes = 0;
    bool held = true;   // by the worker's owner
    bool lent = false;  // to the client
  };
  void free_unused(std::map<std::uint64_t, Answer>::iterator answer) {
    if (answer->second.held || answer->second.lent) return;
    area.free(answer->first);
    answers.erase(answer);
  }
  std::string describe_holders() const {
    std::uint64_t of_program = 0, of_models = 0;
    for (const auto& [offset, answer] : answers)
      (answer.lent ? of_program : of_models) += answer.bytes;
    return "earlier answers that the program holds take " + mib_text(of_program) +
           ", and answers that are being made " + mib_text(of_models);
  }
  std::map<std::uint64_t, Answer> answers;  // by offset
  std::vector<std::uint64_t> released_arguments;
};

WorkerChannel::WorkerChannel(posix::UniqueFd memory, int control)
    : memory_(std::move(memory)),
      control_(control),
      area_bytes_(area_bytes(posix::file_bytes(memory_.get()))),
      shared_(std::make_shared<Shared>(memory_.get(), area_bytes_)),
      view_(shared_->mapping.data()) {}

WorkerChannel::~WorkerChannel() = default;

std::optional<WorkerChannel::Request> WorkerChannel::next(bool may_sleep) {
  if (waiting_.empty()) {
    const bool spun = spin(spin_budget_, [this] { return collect(); });
    spin_budget_.record(spun);
    if (!spun && may_sleep) sleep();
  }
  return take();
}

std::optional<WorkerChannel::Request> WorkerChannel::next_at_once() {
  if (waiting_.empty() && spin_budget_.is_useful()) spin_for(kAtOnce, [this] { return collect(); });
  return take();
}

std::optional<WorkerChannel::Request> WorkerChannel::take() {
  if (waiting_.empty()) return std::nullopt;
  const unsigned index = waiting_.front();
  waiting_.pop_front();
  Slot& slot = view_.slots[index];
  serving_ = slot.sequence.load(std::memory_order_relaxed);
  slot.worker_cpu.store(this_cpu(), std::memory_order_relaxed);
  slot.state.store(static_cast<std::uint32_t>(SlotState::Running), std::memory_order_release);
  // The client has taken the slot's last response, or it could not have made a new request in it.
  if (responses_[index] != 0) {
    const std::scoped_lock lock(shared_->mutex);
    shared_->area.free(std::exchange(responses_[index], 0));
  }
  const std::byte* frame = shared_->mapping.data() + slot.request_offset.load(std::memory_order_acquire);
  return Request{.slot = index, .frame = {frame, slot.request_bytes.load(std::memory_order_relaxed)}};
}

// Moves requests that came in to waiting_; true when there is one.
bool WorkerChannel::collect() {
  if (view_.header->requested.load(std::memory_order_seq_cst) != 0) {
    std::uint64_t bits = view_.header->requested.exchange(0, std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1)
      waiting_.push_back(static_cast<unsigned>(std::countr_zero(bits)));
    std::ranges::sort(waiting_, {}, [this](unsigned index) {
      return view_.slots[index].sequence.load(std::memory_order_relaxed);
    });
  }
  return !waiting_.empty();
}

void WorkerChannel::sleep() {
  view_.header->worker_sleeps.store(1, std::memory_order_seq_cst);
  if (!collect() && !has_releases()) {
    // Asked for nothing, the supervisor's end still shows. What it answers is read by whoever asked.
    pollfd control{.fd = control_, .events = 0, .revents = 0};
    closed_ = ::poll(&control, 1, 0) > 0;
    if (!closed_) futex_wait(view_.header->worker_sleeps, 1, kSleepSlice);
  }
  view_.header->worker_sleeps.store(0, std::memory_order_seq_cst);
  if (!closed_) collect();
}

bool WorkerChannel::has_releases() const {
  return view_.header->releases_written.load(std::memory_order_seq_cst) != releases_taken_;
}

// Of the first request that is still to be served.
std::uint64_t WorkerChannel::next_sequence() const {
  if (serving_) return *serving_;
  if (waiting_.empty()) return std::numeric_limits<std::uint64_t>::max();
  return view_.slots[waiting_.front()].sequence.load(std::memory_order_relaxed);
}

WorkerChannel::Released WorkerChannel::take_released() {
  const std::uint64_t written = view_.header->releases_written.load(std::memory_order_acquire);
  if (written == releases_taken_) return {};
  // What was begun before these releases is seen from here on.
  collect();
  const std::uint64_t sequence = next_sequence();
  Released released;
  std::vector<std::uint64_t> blocks;
  for (; releases_taken_ != written; ++releases_taken_) {
    const Release& release = view_.releases[releases_taken_ % kReleaseCount];
    if (release.sequence > sequence) break;
    if ((release.what & kReleasesBlock) != 0) {
      blocks.push_back(release.what & ~kReleasesBlock);
    } else if ((release.what & kReleasesSegment) != 0) {
      released.segments.push_back(static_cast<std::uint32_t>(release.what));
    } else {
      released.handles.push_back(release.what);
    }
  }
  view_.header->releases_taken.store(releases_taken_, std::memory_order_release);
  free_answers(blocks);
  return released;
}

void WorkerChannel::answer(const Request& request, std::span<const std::byte> response) {
  HUBCELL_CHECK(!response.empty() && response.size() <= wire::kFrameBytesMax);
  std::uint64_t offset = response_room(request.slot);
  if (response.size() > kFrameRoom) offset = responses_[request.slot] = allocate_response(response.size());
  std::memcpy(shared_->mapping.data() + offset, response.data(), response.size());
  serving_.reset();
  Slot& slot = view_.slots[request.slot];
  slot.response_bytes.store(response.size(), std::memory_order_relaxed);
  slot.response_offset.store(offset, std::memory_order_release);
  slot.state.store(static_cast<std::uint32_t>(SlotState::Answered), std::memory_order_seq_cst);
  if (slot.client_waits.load(std::memory_order_seq_cst) != 0) {
    futex_wake(slot.state);
  } else {
    spin_budget_.encourage();
  }
}

std::uint64_t WorkerChannel::allocate_response(std::size_t bytes) {
  const std::scoped_lock lock(shared_->mutex);
  if (const std::optional<std::uint64_t> offset = shared_->area.allocate(bytes)) return *offset;
  throw Error(ErrorCode::System, "answer a call: the worker's memory budget is used up by answers");
}

bool WorkerChannel::is_cancelled(const Request& request) const {
  return view_.slots[request.slot].cancelled.load(std::memory_order_seq_cst) != 0;
}

MappedBlock WorkerChannel::map_argument(const Block& block) {
  if (block.segment != 0 || block.offset < kAreasOffset || block.bytes > area_bytes_ ||
      block.offset - kAreasOffset > area_bytes_ - block.bytes) {
    throw Error(ErrorCode::Protocol, "an argument lies outside of the client's memory");
  }
  std::byte* data = shared_->mapping.data() + block.offset;
  auto give_back = [shared = shared_, offset = block.offset](std::byte*) {
    const std::scoped_lock lock(shared->mutex);
    shared->released_arguments.push_back(offset);
  };
  return {.data = data, .owner = std::shared_ptr<std::byte>(data, std::move(give_back))};
}

std::vector<std::uint64_t> WorkerChannel::take_released_arguments() {
  const std::scoped_lock lock(shared_->mutex);
  return std::exchange(shared_->released_arguments, {});
}

MappedBlock WorkerChannel::allocate_answer(std::size_t bytes) {
  std::optional<std::uint64_t> offset;
  std::string holders;
  {
    const std::scoped_lock lock(shared_->mutex);
    // What is kept back lets the worker answer that there is no room.
    const std::uint64_t reserve = std::min<std::uint64_t>(wire::kFrameBytesMax, area_bytes_ / 8);
    const std::uint64_t room = area_bytes_ - reserve;
    const std::uint64_t used = shared_->area.used_bytes();
    if (used <= room && bytes <= room - used) offset = shared_->area.allocate(bytes);
    if (offset) shared_->answers[*offset] = {.bytes = bytes};
    if (!offset) holders = shared_->describe_holders();
  }
  if (!offset) {
    throw Error(ErrorCode::System, "answer with a tensor of " + std::to_string(bytes) +
                                       " bytes: the memory budget leaves no room for it; " + holders +
                                       "; let go of some, or raise the budget");
  }
  std::byte* data = shared_->mapping.data() + *offset;
  auto give_back = [shared = shared_, offset = *offset](std::byte*) {
    const std::scoped_lock lock(shared->mutex);
    const auto answer = shared->answers.find(offset);
    answer->second.held = false;
    shared->free_unused(answer);
  };
  return {.data = data, .owner = std::shared_ptr<std::byte>(data, std::move(give_back))};
}

bool WorkerChannel::owns(const void* owner) const {
  const auto* address = static_cast<const std::byte*>(owner);
  const std::byte* begin = shared_->mapping.data();
  return address >= begin && address < begin + shared_->mapping.size();
}

Block WorkerChannel::lend(const std::shared_ptr<void>& owner) {
  const auto offset =
      static_cast<std::uint64_t>(static_cast<const std::byte*>(owner.get()) - shared_->mapping.data());
  const std::scoped_lock lock(shared_->mutex);
  const auto answer = shared_->answers.find(offset);
  HUBCELL_CHECK(answer != shared_->answers.end());
  answer->second.lent = true;
  return {.segment = 0, .offset = offset, .bytes = answer->second.bytes};
}

void WorkerChannel::free_answers(std::span<const std::uint64_t> offsets) {
  const std::scoped_lock lock(shared_->mutex);
  for (const std::uint64_t offset : offsets) {
    const auto answer = shared_->answers.find(offset);
    if (answer == shared_->answers.end()) continue;
    answer->second.lent = false;
    shared_->free_unused(answer);
  }
  if (const auto range = shared_->area.trim(kWarmBytesMax)) {
    posix::punch_hole(memory_.get(), range->offset, range->bytes);
  }
}

}  // namespace hubcell::channel

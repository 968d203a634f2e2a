#include "shared/channel/client_channel.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/posix/process.h"
#include "shared/wire/limits.h"

namespace hubcell::channel {
namespace {

// The worker's death is looked for between slices of sleep.
constexpr std::chrono::milliseconds kSleepSlice{20};
// Of two sides that take turns on one CPU such a call takes up to 300 us.
constexpr std::chrono::microseconds kShortCallMax{500};
// Free memory that stays mapped to pages, so that the next call finds them warm.
constexpr std::uint64_t kWarmBytesMax = std::uint64_t{256} << 20;
// What makes it worthwhile to wake a worker only to free blocks.
constexpr std::size_t kReleasedBlocksDue = 1024;
constexpr std::uint64_t kReleasedBytesDue = std::uint64_t{16} << 20;
// More than an honest worker lets wait: it takes all before each request.
constexpr std::size_t kLateReleasesMax = 2 * wire::kHandlesMax;

SlotState load_state(const Slot& slot) {
  return static_cast<SlotState>(slot.state.load(std::memory_order_seq_cst));
}

}  // namespace

ClientChannel::ClientChannel(posix::UniqueFd memory, posix::UniqueFd pidfd)
    : memory_(std::move(memory)),
      pidfd_(std::move(pidfd)),
      area_bytes_(area_bytes(posix::file_bytes(memory_.get()))),
      mapping_(posix::Mapping::of(memory_.get(), channel_bytes(area_bytes_))),
      view_(mapping_.data()),
      area_(kAreasOffset, area_bytes_) {}

std::uint64_t ClientChannel::allocate(std::uint64_t bytes, const Argument& argument) {
  const std::scoped_lock lock(mutex_);
  const std::optional<std::uint64_t> offset = area_.allocate(bytes);
  if (!offset) {
    throw Error(ErrorCode::System, "send a tensor of " + std::to_string(bytes) +
                                       " bytes: the worker's memory budget leaves no room for it; " +
                                       describe_holders() +
                                       "; pass fewer or smaller tensors, or a larger budget");
  }
  arguments_[*offset] = argument;
  return *offset;
}

std::string ClientChannel::describe_holders() const {
  std::uint64_t kept = 0, reserved = 0;
  for (const auto& [offset, argument] : arguments_)
    (argument.is_reserved ? reserved : kept) += argument.bytes;
  const int calls = std::popcount(busy_slots_);
  return "of " + mib_text(area_bytes_) + " inputs that its models keep" +
         (calls == 0 ? "" : ", or that " + std::to_string(calls) + " calls under way have,") + " take " +
         mib_text(kept) + ", and this program's own tensors of hubcell::empty " + mib_text(reserved);
}

AllocatedBlock ClientChannel::allocate_argument(std::uint64_t bytes) {
  const std::uint64_t offset = allocate(bytes, {.bytes = bytes, .lent = 1});
  return {.block = {.segment = 0, .offset = offset, .bytes = bytes}, .data = mapping_.data() + offset};
}

MappedBlock ClientChannel::reserve(std::uint64_t bytes) {
  const std::uint64_t offset = allocate(bytes, {.bytes = bytes, .is_reserved = true});
  std::byte* data = mapping_.data() + offset;
  auto give_back = [channel = shared_from_this(), offset](std::byte*) {
    if (channel->is_fork()) return;
    const std::scoped_lock lock(channel->mutex_);
    const auto argument = channel->arguments_.find(offset);
    argument->second.is_reserved = false;
    channel->free_unused(argument);
    channel->trim();
  };
  return {.data = data, .owner = std::shared_ptr<std::byte>(data, std::move(give_back))};
}

bool ClientChannel::may_be_reserved(const Tensor& tensor) const {
  const std::byte* begin = mapping_.data() + kAreasOffset;
  return tensor.count() != 0 && tensor.data() >= begin && tensor.data() < begin + area_bytes_;
}

std::optional<AllocatedBlock> ClientChannel::find_reserved(const Tensor& tensor) {
  if (!may_be_reserved(tensor)) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(tensor.data() - mapping_.data());
  const std::scoped_lock lock(mutex_);
  auto argument = arguments_.upper_bound(offset);
  if (argument == arguments_.begin()) return std::nullopt;
  --argument;
  const std::uint64_t into_block = offset - argument->first;
  const bool lies_inside = into_block + tensor.extent_bytes() <= argument->second.bytes;
  if (!argument->second.is_reserved || !lies_inside || into_block % item_bytes(tensor.dtype()) != 0)
    return std::nullopt;
  return AllocatedBlock{.block = {.segment = 0, .offset = argument->first, .bytes = argument->second.bytes},
                        .data = mapping_.data() + argument->first};
}

void ClientChannel::lend_reserved(std::uint64_t offset) {
  const std::scoped_lock lock(mutex_);
  ++arguments_.at(offset).lent;
}

void ClientChannel::free_unused(std::map<std::uint64_t, Argument>::iterator argument) {
  if (argument->second.is_reserved || argument->second.lent != 0) return;
  area_.free(argument->first);
  arguments_.erase(argument);
}

void ClientChannel::trim() {
  if (const auto range = area_.trim(kWarmBytesMax))
    posix::punch_hole(memory_.get(), range->offset, range->bytes);
}

void ClientChannel::free_arguments(std::span<const std::uint64_t> offsets) {
  const std::scoped_lock lock(mutex_);
  for (const std::uint64_t offset : offsets) {
    const auto argument = arguments_.find(offset);
    if (argument == arguments_.end() || argument->second.lent == 0)
      throw Error(ErrorCode::Protocol, "the worker releases a block that it never got");
    --argument->second.lent;
    free_unused(argument);
  }
  trim();
}

std::optional<Ticket> ClientChannel::begin(std::span<const std::byte> request) {
  HUBCELL_CHECK(!request.empty());
  if (request.size() > wire::kFrameBytesMax) {
    throw Error(ErrorCode::Usage, "send a call of " + std::to_string(request.size()) + " bytes: more than " +
                                      std::to_string(wire::kFrameBytesMax) +
                                      " do not fit; pass numbers as tensors");
  }
  if (placement_.take_due() && leave_cpu(this_cpu())) spin_budget_.encourage();
  const std::scoped_lock lock(mutex_);
  if (~busy_slots_ == 0) return std::nullopt;
  write_late_releases();
  const auto index = static_cast<unsigned>(std::countr_one(busy_slots_));
  const std::uint64_t block = request.size() <= kFrameRoom ? 0 : allocate_request(request.size());
  const std::uint64_t offset = block == 0 ? request_room(index) : block;
  busy_slots_ |= std::uint64_t{1} << index;
  std::memcpy(mapping_.data() + offset, request.data(), request.size());
  Slot& slot = view_.slots[index];
  slot.cancelled.store(0, std::memory_order_relaxed);
  slot.client_waits.store(0, std::memory_order_relaxed);
  slot.sequence.store(next_sequence_++, std::memory_order_relaxed);
  slot.request_offset.store(offset, std::memory_order_relaxed);
  slot.request_bytes.store(request.size(), std::memory_order_relaxed);
  slot.state.store(static_cast<std::uint32_t>(SlotState::Requested), std::memory_order_release);
  view_.header->requested.fetch_or(std::uint64_t{1} << index, std::memory_order_seq_cst);
  ring();
  return Ticket{.slot = index, .request_block = block, .begun = std::chrono::steady_clock::now()};
}

std::uint64_t ClientChannel::allocate_request(std::size_t bytes) {
  const std::optional<std::uint64_t> offset = area_.allocate(bytes);
  if (offset) return *offset;
  throw Error(ErrorCode::System, "start a call: the worker's memory budget leaves no room for it; " +
                                     describe_holders() + "; drop what is kept, or raise the budget");
}

void ClientChannel::wait_for_slot() {
  std::unique_lock lock(mutex_);
  slot_freed_.wait_for(lock, kSleepSlice, [this] { return ~busy_slots_ != 0; });
}

void ClientChannel::ring() {
  if (view_.header->worker_sleeps.exchange(0, std::memory_order_seq_cst) != 0)
    futex_wake(view_.header->worker_sleeps);
}

bool ClientChannel::is_answered(const Ticket& ticket) const {
  return load_state(view_.slots[ticket.slot]) == SlotState::Answered;
}

std::size_t ClientChannel::calls_in_flight() {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (std::uint64_t left = busy_slots_; left != 0; left &= left - 1) {
    const Slot& slot = view_.slots[static_cast<std::size_t>(std::countr_zero(left))];
    if (load_state(slot) != SlotState::Answered) ++count;
  }
  return count;
}

bool ClientChannel::is_queued(const Ticket& ticket) const {
  return load_state(view_.slots[ticket.slot]) == SlotState::Requested;
}

WaitOutcome ClientChannel::wait(const Ticket& ticket,
                                std::optional<std::chrono::steady_clock::time_point> deadline,
                                const std::atomic<bool>* given_up) {
  Slot& slot = view_.slots[ticket.slot];
  const bool spun = spin(spin_budget_, [&] { return load_state(slot) == SlotState::Answered; });
  spin_budget_.record(spun);
  bool has_slept = false;
  while (!spun) {
    slot.client_waits.store(1, std::memory_order_seq_cst);
    const std::uint32_t observed = slot.state.load(std::memory_order_seq_cst);
    if (observed == static_cast<std::uint32_t>(SlotState::Answered)) break;
    std::chrono::nanoseconds slice = kSleepSlice;
    if (deadline)
      slice = std::min<std::chrono::nanoseconds>(slice, *deadline - std::chrono::steady_clock::now());
    if (has_slept || !posix::has_ended(pidfd_.get())) futex_wait(slot.state, observed, slice);
    has_slept = true;
    if (load_state(slot) == SlotState::Answered) break;
    if (posix::has_ended(pidfd_.get())) {
      // It may have answered and died between the two looks.
      if (load_state(slot) == SlotState::Answered) break;
      return WaitOutcome::WorkerEnded;
    }
    if (given_up != nullptr && given_up->load()) return WaitOutcome::GivenUp;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return WaitOutcome::DeadlineExceeded;
  }
  note_placement(ticket);
  return WaitOutcome::Answered;
}

// For a long call, in which the caller sleeps, one CPU does.
void ClientChannel::note_placement(const Ticket& ticket) {
  const unsigned cpu = this_cpu();
  const unsigned worker_cpu = view_.slots[ticket.slot].worker_cpu.load(std::memory_order_relaxed);
  if (cpu == worker_cpu && std::chrono::steady_clock::now() - ticket.begun > kShortCallMax) return;
  placement_.note(cpu, worker_cpu);
}

std::vector<std::byte> ClientChannel::take_response(const Ticket& ticket) {
  Slot& slot = view_.slots[ticket.slot];
  const std::uint64_t offset = slot.response_offset.load(std::memory_order_acquire);
  const std::uint64_t bytes = slot.response_bytes.load(std::memory_order_relaxed);
  const std::uint64_t begin = kAreasOffset + area_bytes_;
  const bool lies_in_room = offset == response_room(ticket.slot) && bytes <= kFrameRoom;
  // An area may be smaller than the largest frame.
  const bool lies_in_area = bytes <= wire::kFrameBytesMax && bytes <= area_bytes_ && offset >= begin &&
                            offset - begin <= area_bytes_ - bytes;
  const bool possible = lies_in_room || lies_in_area;
  std::vector<std::byte> response;
  if (possible) response.assign(mapping_.data() + offset, mapping_.data() + offset + bytes);
  {
    const std::scoped_lock lock(mutex_);
    if (ticket.request_block != 0) area_.free(ticket.request_block);
    slot.state.store(static_cast<std::uint32_t>(SlotState::Free), std::memory_order_release);
    busy_slots_ &= ~(std::uint64_t{1} << ticket.slot);
  }
  slot_freed_.notify_one();
  if (!possible) throw Error(ErrorCode::Protocol, "the worker's answer lies outside of its memory");
  return response;
}

void ClientChannel::cancel(const Ticket& ticket) {
  view_.slots[ticket.slot].cancelled.store(1, std::memory_order_seq_cst);
}

MappedBlock ClientChannel::map_answer(const Block& block) {
  const std::uint64_t begin = kAreasOffset + area_bytes_;
  if (block.segment != 0 || block.bytes == 0 || block.bytes > area_bytes_ || block.offset < begin ||
      block.offset - begin > area_bytes_ - block.bytes || block.offset % kBlockAlignment != 0) {
    throw Error(ErrorCode::Protocol, "the worker's answer names memory that is not its own");
  }
  std::byte* data = mapping_.data() + block.offset;
  auto give_back = [channel = shared_from_this(), block](std::byte*) {
    if (channel->is_fork()) return;
    const std::scoped_lock lock(channel->mutex_);
    channel->release(kReleasesBlock | block.offset);
    channel->quiet_bytes_ += block.bytes;
    if (++channel->quiet_blocks_ < kReleasedBlocksDue && channel->quiet_bytes_ < kReleasedBytesDue) return;
    channel->quiet_blocks_ = channel->quiet_bytes_ = 0;
    channel->ring();
  };
  return {.data = data, .owner = std::shared_ptr<std::byte>(data, std::move(give_back))};
}

// A handle may hold gigabytes, so that a worker that sleeps is woken for it.
void ClientChannel::release_handle(std::uint64_t id) {
  if (is_fork()) return;
  const std::scoped_lock lock(mutex_);
  release(id & ~(kReleasesBlock | kReleasesSegment));
  ring();
}

void ClientChannel::release_segment(std::uint32_t segment) {
  const std::scoped_lock lock(mutex_);
  release(kReleasesSegment | segment);
}

void ClientChannel::release(std::uint64_t what) {
  write_late_releases();
  if (!write_release(what) && late_releases_.size() < kLateReleasesMax) late_releases_.push_back(what);
}

// Where the worker lies about what it has taken, releases are lost or wait: its own objects, its own loss.
bool ClientChannel::write_release(std::uint64_t what) {
  const std::uint64_t taken = view_.header->releases_taken.load(std::memory_order_acquire);
  if (releases_written_ - taken >= kReleaseCount) return false;
  view_.releases[releases_written_ % kReleaseCount] = {.what = what, .sequence = next_sequence_};
  view_.header->releases_written.store(++releases_written_, std::memory_order_seq_cst);
  return true;
}

void ClientChannel::write_late_releases() {
  while (!late_releases_.empty() && write_release(late_releases_.back()))
    late_releases_.pop_back();
  if (late_releases_.empty()) late_releases_ = {};
}

}  // namespace hubcell::channel

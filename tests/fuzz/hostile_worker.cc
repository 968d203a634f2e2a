#include "tests/fuzz/hostile_worker.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include "shared/channel/layout.h"
#include "shared/channel/waiting.h"
#include "shared/posix/memory.h"
#include "shared/posix/process.h"
#include "shared/posix/system_error.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/value_bytes.h"

namespace hubcell::fuzz {
namespace {

using namespace hubcell::channel;

class Lying {
 public:
  Lying(int memory, std::uint64_t area_bytes, std::uint64_t seed)
      : mapping_(posix::Mapping::of(memory, channel_bytes(area_bytes))),
        view_(mapping_.data()),
        area_bytes_(area_bytes),
        random_(seed) {}

  [[noreturn]] void run() {
    for (;;) {
      act(view_.slots[random_.below(wire::kSlotCount)]);
      // Mostly the first slots are in use.
      act(view_.slots[random_.below(3)]);
    }
  }

 private:
  void act(Slot& slot) {
    const std::uint32_t state = slot.state.load();
    const bool is_asked = state == static_cast<std::uint32_t>(SlotState::Requested) ||
                          state == static_cast<std::uint32_t>(SlotState::Running);
    if (is_asked && random_.one_in(2)) answer(slot);
    if (random_.one_in(4)) change_slot(slot);
    if (random_.one_in(4)) change_area();
    if (random_.one_in(16)) change_header();
  }

  std::uint64_t begin() const { return kAreasOffset + area_bytes_; }

  ByteString make_response() {
    wire::SpanWriter writer;
    const bool failed = random_.one_in(8);
    writer(failed);
    // The first argument block lies at the area's begin: named rightly more often than by chance.
    std::vector<std::uint64_t> released(random_.below(3), kAreasOffset + 64 * random_.below(4));
    if (!random_.one_in(4)) released.clear();
    writer(released);
    if (failed) writer(static_cast<std::uint8_t>(random_.below(11)), std::string("failed"), false);
    write_any_values(writer, random_, {.begin = begin(), .bytes = area_bytes_}, 2, 2000);
    ByteString response = writer.take_bytes();
    if (random_.one_in(3)) mutate(response, response, random_);
    return response;
  }

  void answer(Slot& slot) {
    const ByteString response = make_response();
    const std::uint64_t bytes = std::min<std::uint64_t>(response.size(), area_bytes_);
    const auto index = static_cast<unsigned>(&slot - view_.slots);
    const bool in_room = bytes <= kFrameRoom && random_.one_in(2);
    const std::uint64_t offset =
        in_room ? response_room(index) : begin() + random_.below(area_bytes_ - bytes + 1);
    if (bytes != 0) std::memcpy(mapping_.data() + offset, response.data(), bytes);
    last_ = offset;
    slot.response_offset.store(random_.one_in(32) ? random_.edge() : offset);
    slot.response_bytes.store(random_.one_in(32) ? random_.edge() : bytes);
    slot.state.store(static_cast<std::uint32_t>(SlotState::Answered));
    futex_wake(slot.state);
  }

  void change_slot(Slot& slot) {
    const std::uint64_t number = random_.one_in(2) ? random_.edge() : begin() + random_.below(area_bytes_);
    switch (random_.below(9)) {
      case 0:
        slot.state.store(static_cast<std::uint32_t>(random_.below(6)));
        return futex_wake(slot.state);
      case 1:
        return slot.client_waits.store(static_cast<std::uint32_t>(number));
      case 2:
        return slot.cancelled.store(static_cast<std::uint32_t>(number));
      case 3:
        return slot.sequence.store(number);
      case 4:
        return slot.request_offset.store(number);
      case 5:
        return slot.request_bytes.store(number);
      case 6:
        return slot.response_offset.store(number);
      case 7:
        return slot.response_bytes.store(number);
      default:
        return futex_wake(slot.state);
    }
  }

  // What the client may be copying just now, or any place of both areas.
  void change_area() {
    const std::uint64_t any = kAreasOffset + random_.below(2 * area_bytes_);
    std::uint64_t place = random_.one_in(4) || last_ == 0 ? any : last_ + random_.below(64);
    for (std::uint64_t changes = 1 + random_.below(4); changes > 0; --changes, ++place) {
      if (place < mapping_.size()) mapping_.data()[place] = static_cast<std::byte>(random_.below(32));
    }
  }

  // Counts that are off by little, by much, and by as much as the ring holds.
  std::uint64_t any_count(std::uint64_t written) {
    if (random_.one_in(2)) return random_.edge();
    return written - kReleaseCount * random_.below(2) + random_.below(3) - 1;
  }

  void change_header() {
    Header& header = *view_.header;
    switch (random_.below(5)) {
      case 0:
        return header.requested.store(random_.next());
      case 1:
        return header.worker_sleeps.store(static_cast<std::uint32_t>(random_.below(2)));
      case 2:
        return header.releases_taken.store(any_count(header.releases_written.load()));
      case 3:
        return header.releases_written.store(any_count(header.releases_written.load()));
      default:
        view_.releases[random_.below(kReleaseCount)] = {.what = random_.edge(), .sequence = random_.edge()};
    }
  }

  posix::Mapping mapping_;
  View view_;
  std::uint64_t area_bytes_;
  Random random_;
  std::uint64_t last_ = 0;  // where the last response begins
};

}  // namespace

HostileWorker::HostileWorker(int memory, std::uint64_t area_bytes, std::uint64_t seed)
    : pid_(posix::checked(::fork(), "fork a worker")) {
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::alarm(0);
  Lying(memory, area_bytes, seed).run();
}

HostileWorker::~HostileWorker() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

posix::UniqueFd HostileWorker::open_pidfd() const {
  return posix::open_pidfd(pid_);
}

}  // namespace hubcell::fuzz

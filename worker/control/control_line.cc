#include "worker/control/control_line.h"

#include <unistd.h>

#include <hubcell/error.h>

namespace hubcell::worker {

ControlLine::ControlLine(int socket) : socket_(socket), process_(::getpid()) {}

void ControlLine::check_process() const {
  if (::getpid() != process_)
    throw Error(ErrorCode::Usage, "hubcell fetches nothing for processes that a worker has forked");
}

void ControlLine::throw_ended() {
  throw Error(ErrorCode::System, "hubcell's supervisor has ended");
}

std::uint64_t ControlLine::enter() {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t request = ++last_request_;
  waited_for_.emplace(request, std::nullopt);
  return request;
}

std::optional<wire::Frame> ControlLine::take(std::uint64_t request) {
  const std::scoped_lock lock(mutex_);
  const auto entry = waited_for_.find(request);
  if (entry == waited_for_.end() || !entry->second) return std::nullopt;
  std::optional<wire::Frame> frame = std::move(entry->second);
  waited_for_.erase(entry);
  return frame;
}

std::optional<wire::Frame> ControlLine::wait(std::uint64_t request, std::chrono::milliseconds slice) {
  std::optional<wire::Frame> answer = take(request);
  if (!answer) {
    const std::scoped_lock reading(reading_);
    answer = take(request);
    std::optional<wire::Frame> frame;
    if (!answer) frame = wire::wait_frame(socket_, slice);
    if (frame) {
      const std::scoped_lock lock(mutex_);
      // An answer to what was given up is passed over.
      const auto entry = waited_for_.find(frame->request());
      if (entry != waited_for_.end()) entry->second = std::move(frame);
    }
    if (!answer) answer = take(request);
  }
  if (answer && answer->tag() == wire::Tag::Failure) {
    const auto failure = answer->as<wire::Failure>();
    throw Error(failure.code, failure.message);
  }
  return answer;
}

void ControlLine::give_up(std::uint64_t request) {
  const std::scoped_lock lock(mutex_);
  waited_for_.erase(request);
}

}  // namespace hubcell::worker

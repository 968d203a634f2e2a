// The client's end of a channel, used as tools/client/worker.cc uses it, against a worker that lies without end: every
// call ends in an answer, an Error(Protocol) or its deadline.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

#include <hubcell/error.h>

#include "shared/base/check.h"
#include "shared/channel/call_frame.h"
#include "shared/channel/client_channel.h"
#include "shared/posix/message_socket.h"
#include "tests/fuzz/current_input.h"
#include "tests/fuzz/hostile_worker.h"
#include "tests/fuzz/random.h"
#include "tests/fuzz/value_checks.h"

namespace hubcell::fuzz {
namespace {

using namespace hubcell::channel;

constexpr unsigned kHangSeconds = 60;
constexpr std::uint64_t kCallsOfSession = 500;
constexpr std::size_t kKeptAnswers = 8;

struct Tally {
  std::uint64_t answers = 0;
  std::uint64_t lies = 0;
  std::uint64_t deadlines = 0;
};

// One channel and its worker.
class Session {
 public:
  Session(std::uint64_t seed, Tally& tally)
      : random_(seed),
        area_bytes_(std::uint64_t{4096} << random_.below(5)),
        memory_(posix::make_sealed_memfd("channel", channel_bytes(area_bytes_))),
        worker_(memory_.get(), area_bytes_, seed),
        tally_(tally) {
    channel_ = std::make_shared<ClientChannel>(std::move(memory_), worker_.open_pidfd());
  }

  // False when nothing more fits: slots or memory are lost to calls that are never answered.
  bool call() {
    reap();
    try {
      const std::optional<Ticket> ticket = begin();
      if (!ticket) return false;
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(random_.below(2000));
      switch (channel_->wait(*ticket, deadline)) {
        case WaitOutcome::Answered:
          finish(*ticket);
          break;
        case WaitOutcome::DeadlineExceeded:
          ++tally_.deadlines;
          channel_->cancel(*ticket);
          abandoned_.push_back(*ticket);
          break;
        default:
          HUBCELL_CHECK(false);  // the worker is alive, and nobody gives up
      }
      return true;
    } catch (const Error& full) {
      HUBCELL_CHECK(full.code() == ErrorCode::System);
      return false;
    }
  }

 private:
  std::optional<Ticket> begin() {
    if (random_.one_in(4)) channel_->release_handle(random_.next());
    CallRequest request;
    request.verb = Verb::Call;
    request.arguments = {Tensor::zeros(DType::UInt8, {static_cast<std::int64_t>(1 + random_.below(100))})};
    const auto allocate = [this](std::uint64_t bytes) { return channel_->allocate_argument(bytes); };
    const ValueWriteContext context{.place_tensors = [&](std::span<const Tensor* const> tensors) {
      return place_copies(tensors, allocate);
    }};
    return channel_->begin(encode_request(request, context));
  }

  void finish(const Ticket& ticket) {
    const ValueReadContext context{
        .map_block = [this](const Block& block) { return channel_->map_answer(block); },
        .bind_handle = [](std::uint64_t) { return std::make_shared<int>(0); }};
    try {
      CallResponse response = decode_response(channel_->take_response(ticket), context);
      channel_->free_arguments(response.released_blocks);
      touch_tensors(response.value);
      kept_.push_back(std::move(response.value));
      if (kept_.size() > kKeptAnswers) kept_.pop_front();
      ++tally_.answers;
    } catch (const Error& lie) {
      HUBCELL_CHECK(lie.code() == ErrorCode::Protocol);
      ++tally_.lies;
    }
  }

  void reap() {
    std::vector<Ticket> answered;
    std::erase_if(abandoned_, [&](const Ticket& ticket) {
      if (!channel_->is_answered(ticket)) return false;
      answered.push_back(ticket);
      return true;
    });
    for (const Ticket& ticket : answered)
      finish(ticket);
  }

  Random random_;
  std::uint64_t area_bytes_;
  posix::UniqueFd memory_;
  HostileWorker worker_;
  Tally& tally_;
  std::shared_ptr<ClientChannel> channel_;
  std::vector<Ticket> abandoned_;
  std::deque<Value> kept_;
};

int run(std::uint64_t calls) {
  Tally tally;
  std::uint64_t made = 0, sessions = 0;
  while (made < calls) {
    Session session(sessions++, tally);
    for (std::uint64_t i = 0; i < kCallsOfSession && made < calls; ++i) {
      ++made;
      if (!session.call()) break;
    }
    note_progress();
  }
  std::printf(
      "fuzz_channel_reader: %lu calls in %lu sessions: %lu answers read, %lu refused, %lu deadlines\n", made,
      sessions, tally.answers, tally.lies, tally.deadlines);
  return tally.answers != 0 && tally.lies != 0 ? 0 : 1;
}

}  // namespace
}  // namespace hubcell::fuzz

int main() {
  hubcell::fuzz::keep_current_input("/dev/null", hubcell::fuzz::kHangSeconds);
  const char* wanted = std::getenv("HUBCELL_FUZZ_CALLS");
  return hubcell::fuzz::run(wanted == nullptr ? HUBCELL_FUZZ_CALLS_DEFAULT
                                              : std::strtoull(wanted, nullptr, 10));
}

#include "tools/client/pending_call.h"

#include <algorithm>
#include <csignal>
#include <functional>

#include <hubcell/error.h>

#include "shared/posix/process.h"
#include "shared/wire/limits.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

constexpr std::chrono::milliseconds kPollEvery{50};

std::string seconds_text(std::chrono::milliseconds limit) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g s", std::chrono::duration<double>(limit).count());
  return text;
}

}  // namespace

PendingCall::PendingCall(std::shared_ptr<Worker> worker, std::optional<channel::Ticket> ticket, CallPlan plan,
                         Value state)
    : worker_(std::move(worker)), ticket_(ticket), plan_(std::move(plan)), state_(std::move(state)) {
  if (ticket && plan_.limit.count() > 0) deadline_ = ticket->begun + plan_.limit;
}

PendingCall::~PendingCall() {
  if (worker_->channel().is_fork()) return;
  {
    const std::scoped_lock lock(ending_);
    if (ticket_ && !has_ended_) abandon();
  }
  Worker::let_go(std::move(worker_));
}

Value PendingCall::get(Value* changed) {
  try {
    Value answer = wait();
    if (companions_) companions_->join();
    if (changed != nullptr) *changed = changed_state_;
    return answer;
  } catch (...) {
    if (changed != nullptr) *changed = changed_state_;
    if (companions_) companions_->cancel();
    throw;
  }
}

// What waits in slices tells `poll` so, and gives the call up where that throws. A load shows what is fetched for it.
void PendingCall::wait_polled() {
  const std::function<void()>& poll = worker_->options().poll;
  const bool shows_progress = plan_.bracket && worker_->options().progress;
  if (!poll && !shows_progress) return;
  while (!wait_for(kPollEvery)) {
    try {
      if (shows_progress) plan_.bracket->show_progress();
      if (poll) poll();
    } catch (...) {
      cancel();
      throw;
    }
  }
}

Value PendingCall::wait() {
  wait_polled();
  if (taken_.exchange(true)) throw Error(ErrorCode::Usage, plan_.what + ": its answer was taken before");
  if (!ticket_) worker_->throw_died(plan_.what);
  switch (worker_->channel().wait(*ticket_, deadline_, &cancelled_)) {
    case channel::WaitOutcome::Answered:
      return finish();
    case channel::WaitOutcome::DeadlineExceeded:
      miss_deadline();
    case channel::WaitOutcome::GivenUp:
      throw_cancelled();
    case channel::WaitOutcome::WorkerEnded:
      break;
  }
  if (cancelled_) throw_cancelled();
  worker_->throw_died(plan_.what);
}

bool PendingCall::is_running() {
  const std::scoped_lock lock(ending_);
  if (!ticket_ || has_ended_) return false;
  return !worker_->channel().is_queued(*ticket_) && !worker_->channel().is_answered(*ticket_);
}

bool PendingCall::wait_for(std::chrono::milliseconds time) {
  if (!companions_) return wait_alone(time);
  const auto until = std::chrono::steady_clock::now() + time;
  return wait_alone(time) && companions_->wait_until(until);
}

bool PendingCall::wait_alone(std::chrono::milliseconds time) {
  {
    const std::scoped_lock lock(ending_);
    if (!ticket_ || has_ended_ || cancelled_) return true;
  }
  auto until = std::chrono::steady_clock::now() + time;
  if (deadline_) until = std::min(until, *deadline_);
  return worker_->channel().wait(*ticket_, until, &cancelled_) != channel::WaitOutcome::DeadlineExceeded ||
         (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

bool PendingCall::cancel() {
  const bool others = companions_ && companions_->cancel();
  const std::scoped_lock lock(ending_);
  if (!ticket_ || has_ended_ || worker_->channel().is_answered(*ticket_)) return others;
  if (!cancelled_.exchange(true)) interrupt();
  return true;
}

Value PendingCall::finish() {
  const std::scoped_lock lock(ending_);
  has_ended_ = true;
  if (cancelled_) {
    abandon();
    throw Error(ErrorCode::Cancelled, plan_.what + " of " + worker_->label() + ": it was cancelled");
  }
  Worker::Answer answer = worker_->finish(*ticket_, plan_.what, state_, changed_state_);
  if (plan_.bracket) {
    plan_.bracket->succeed();
    if (plan_.bracket->is_load())
      worker_->note_load(std::chrono::steady_clock::now() - plan_.bracket->began());
  }
  if (plan_.on_answer) plan_.on_answer(answer.handles);
  return std::move(answer.value);
}

void PendingCall::throw_cancelled() {
  const std::scoped_lock lock(ending_);
  if (!std::exchange(has_ended_, true)) abandon();
  throw Error(ErrorCode::Cancelled, plan_.what + " of " + worker_->label() + ": it was cancelled");
}

void PendingCall::miss_deadline() {
  const std::scoped_lock lock(ending_);
  const std::string how = interrupt();
  has_ended_ = true;
  abandon();
  throw Error(ErrorCode::DeadlineExceeded, plan_.what + " of " + worker_->label() + ": no answer within " +
                                               seconds_text(plan_.limit) + "; " + how);
}

std::string PendingCall::interrupt() {
  channel::ClientChannel& channel = worker_->channel();
  channel.cancel(*ticket_);
  // The worker is busy for somebody else, who must not pay for this call.
  if (channel.is_queued(*ticket_)) return "it still waited behind other calls";
  posix::send_signal(channel.pidfd(), SIGINT);
  const auto grace = std::chrono::steady_clock::now() + wire::kInterruptGrace;
  if (channel.wait(*ticket_, grace) == channel::WaitOutcome::Answered) return "it was interrupted";
  worker_->kill();
  worker_->note_told();
  return "it did not react to an interrupt, so its worker was killed";
}

void PendingCall::abandon() {
  worker_->abandon(*ticket_, state_);
}

void Companions::join() {
  for (const std::unique_ptr<PendingCall>& call : calls)
    call->get();
  on_all();
}

bool Companions::wait_until(std::chrono::steady_clock::time_point time) {
  return std::ranges::all_of(calls, [time](const std::unique_ptr<PendingCall>& call) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
    return call->wait_for(std::max(left, std::chrono::milliseconds(0)));
  });
}

bool Companions::cancel() {
  bool any = false;
  for (const std::unique_ptr<PendingCall>& call : calls)
    any = call->cancel() || any;
  return any;
}

}  // namespace hubcell::client

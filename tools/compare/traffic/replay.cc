#include <algorithm>

#include <hubcell/recording.h>

#include "tools/compare/numbers/differences.h"
#include "tools/compare/traffic/call_clock.h"

namespace hubcell::compare {
namespace {

bool failed_alike(const ReplayedCall& call) {
  return call.failure[0] && call.failure[1] && call.failure[0]->type == call.failure[1]->type;
}

ReplayedCall ask_again(RecordedCall recorded, const Callee& model, const ReplayOptions& options) {
  ReplayedCall replayed;
  replayed.number = recorded.number;
  replayed.method = recorded.method;
  replayed.failure[0] = recorded.failure;
  replayed.seconds[0] = recorded.seconds;
  CallOptions call = options.call;
  call.state = std::move(recorded.state);
  const Stopwatch watch;
  try {
    const Value answer =
        model(recorded.method, std::move(recorded.arguments), std::move(recorded.keywords), call);
    replayed.seconds[1] = watch.seconds();
    if (!recorded.failure) replayed.difference = difference_of(recorded.answer, answer, options.tolerance);
  } catch (const Error& failure) {
    replayed.seconds[1] = watch.seconds();
    replayed.failure[1] = failure_of(failure);
  }
  return replayed;
}

void add(ReplayResult& result, ReplayedCall call) {
  result.equal += call.equal() ? 1 : 0;
  result.within += call.within() ? 1 : 0;
  result.failed += call.failure[1] && !call.failure[0] ? 1 : 0;
  if (call.difference) result.max_abs = std::max(result.max_abs, call.difference->max_abs());
  for (std::size_t side = 0; side < 2; ++side)
    result.seconds[side] += call.seconds[side];
  result.calls.push_back(std::move(call));
}

}  // namespace

bool ReplayedCall::equal() const {
  return difference ? difference->equal() : failed_alike(*this);
}

bool ReplayedCall::within() const {
  return difference ? difference->within() : failed_alike(*this);
}

ReplayResult replay(const Recording& recording, const Callee& model, const ReplayOptions& options) {
  ReplayResult result;
  const std::size_t calls =
      options.calls_max == 0 ? recording.size() : std::min(options.calls_max, recording.size());
  for (std::size_t i = 0; i < calls; ++i)
    add(result, ask_again(recording.call(i), model, options));
  return result;
}

}  // namespace hubcell::compare

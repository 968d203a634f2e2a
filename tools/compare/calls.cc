#include "tools/compare/calls.h"

#include <utility>

namespace hubcell::compare {
namespace {

// A call in flight, or why there is none.
struct Begun {
  std::optional<Future> future;
  Outcome outcome;
};

}  // namespace

void check_stop(const CompareOptions& options) {
  if (options.stop.stop_requested()) throw Interrupted();
}

std::string failure_of(const CompareOptions& options, const std::function<void()>& work, bool* died) {
  check_stop(options);
  try {
    work();
    return "";
  } catch (const Error& failure) {
    // HubOptions::poll gives up the wait of a call when an end is wanted.
    check_stop(options);
    const ErrorCode code = failure.code();
    if (died != nullptr)
      *died =
          code == ErrorCode::WorkerDied || code == ErrorCode::DeadlineExceeded || code == ErrorCode::Protocol;
    return failure.what();
  }
}

void Calls::reset() const {
  if (!options_.reset.empty()) model_.object->call(options_.reset);
}

Value Calls::call(const Input& input) const {
  return options_.method.empty() ? (*model_.object)(input.positional, input.named)
                                 : model_.object->call(options_.method, input.positional, input.named);
}

Future Calls::begin(const Input& input, std::uint64_t seed) const {
  Dict state;
  state.items.emplace_back("seed", static_cast<std::int64_t>(seed & INT64_MAX));
  return model_.object->call_async(options_.method, input.positional, input.named,
                                   {.state = std::move(state), .waits_for_slot = true});
}

Value Calls::pick(const Value& answer) const {
  return model_.pick ? model_.pick(answer) : answer;
}

std::array<Outcome, 2> answer_both(const std::array<const Model*, 2>& models, const Input& input,
                                   std::uint64_t seed, const CompareOptions& options) {
  std::array<Begun, 2> begun;
  for (std::size_t side = 0; side < 2; ++side) {
    const Calls calls(*models[side], options);
    begun[side].outcome.failure = failure_of(
        options,
        [&] {
          calls.reset();
          begun[side].future = calls.begin(input, seed);
        },
        &begun[side].outcome.died);
  }
  std::array<Outcome, 2> outcomes;
  for (std::size_t side = 0; side < 2; ++side) {
    Outcome outcome = std::move(begun[side].outcome);
    if (begun[side].future) {
      outcome.failure = failure_of(
          options, [&] { outcome.answer = Calls(*models[side], options).pick(begun[side].future->get()); },
          &outcome.died);
    }
    outcomes[side] = std::move(outcome);
  }
  return outcomes;
}

}  // namespace hubcell::compare

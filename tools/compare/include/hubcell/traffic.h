// Two models in one stream of calls: a Split gives each call to one of them (a canary), a Shadow has the second one answer beside the first,
// which nobody waits for. hubcell/recording.h keeps calls for later.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/recording.h>

namespace hubcell::compare {

// ---- which side a call goes to

// Equal for equal content in every process, on every machine and in later versions. Kinds count (1, 1.0 and "1" are three contents), and so do
// dtypes, shapes and elements; strides and requires_grad do not, nor does the order of dicts, sets and keywords. Error(Usage) of a
// handle, whose content stays in its worker.
std::uint64_t content_hash(const Value& value);
std::uint64_t content_hash(const Arguments& arguments, const Keywords& keywords);

struct Share {
  // Who this side is, for the hash: the same labels give the same sides, in any order.
  std::string label;
  double weight = 0;  // beside those of the others, in any unit
};

// Chooses sides by weighted rendezvous hashing: split.cc says how. When weights change, only as many keys move as have to, and
// none between two sides whose weights stay.
class ShareRule {
 public:
  // Error(Usage) on a weight that is negative or not finite, where none is above 0, and on labels that are not different.
  explicit ShareRule(std::vector<Share> shares);
  // The index of a side.
  std::size_t side_of(std::uint64_t key) const;
  const std::vector<Share>& shares() const { return shares_; }

 private:
  std::vector<Share> shares_;
  std::vector<std::uint64_t> label_hashes_;
};

// Calls of several models by their shares. Any thread may use it; copies count together.
class Split {
 public:
  struct Side {
    Callee model;
    Share share;
  };
  // What is to have one side for ever: a user's name, say.
  using Key = std::function<Value(const Arguments& arguments, const Keywords& keywords)>;

  // Without a key, the content of the arguments is it.
  explicit Split(std::vector<Side> sides, Key key = nullptr);
  Value call(const std::string& method, Arguments arguments = {}, Keywords keywords = {},
             CallOptions options = {});
  // Of each side, in their order.
  std::vector<std::uint64_t> counts() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// ---- a second model beside the first

struct ShadowOptions {
  Tolerance tolerance = {};
  std::size_t in_flight_max = 8;                       // calls that b has not answered yet; more are dropped
  std::uint64_t bytes_max = std::uint64_t{256} << 20;  // of their copied tensors; more are dropped
  std::size_t threads = 1;                             // that ask b: one for each of its replicas
  std::size_t last_max = 16;                           // summaries that are kept
  std::chrono::milliseconds deadline{0};               // of a call of b; 0: its Hub's
  // Told of each answer that is not within the tolerance, and of each error of b: on a thread that asks b, which falls behind
  // meanwhile. What it throws is counted.
  std::function<void(const struct ShadowedCall&)> on_difference = nullptr;
};

// A call that both have had. What is in it is a copy, made when a was called and when it answered.
struct ShadowedCall {
  std::uint64_t number = 0;  // among all calls
  std::string method;
  Arguments arguments;
  Keywords keywords;
  std::array<Value, 2> answer;
  std::optional<CallFailure> failure;         // of b
  std::optional<ValueDifference> difference;  // where b answered
  std::array<double, 2> seconds{};
};

// What is kept of one that differed.
struct ShadowSummary {
  std::uint64_t number = 0;
  double time = 0;  // when b had answered, in seconds since the epoch
  std::string method;
  std::string arguments;  // "a tensor float32 [1, 3], an int"
  std::string what;       // "['out']: max_abs 0.5, 3 of 10 outside", "[1]: a str and None", "ValueError: no"
};

struct Quantiles {  // in seconds, to 1 %; 0 where there is none
  std::uint64_t count = 0;
  double p50 = 0, p90 = 0, p99 = 0;
};

struct ShadowStatistics {
  std::uint64_t calls = 0;      // of a
  std::uint64_t failed_a = 0;   // that a raised in: b is not asked
  std::uint64_t dropped = 0;    // because b was behind
  std::uint64_t skipped = 0;    // because b cannot have them: they hold handles
  std::uint64_t compared = 0;   // that both answered
  std::uint64_t equal = 0;      // to the bit
  std::uint64_t differing = 0;  // not within the tolerance
  std::uint64_t failed_b = 0;
  std::uint64_t callback_errors = 0;
  std::string callback_error;  // the first one
  std::size_t in_flight = 0;
  double max_abs = 0;   // of all that was compared; infinite where structures differ
  double mean_abs = 0;  // of the elements that could be compared
  std::array<Quantiles, 2> latency;
  std::vector<ShadowSummary> last;  // oldest first
};

// Has b answer what a answered. Nothing here waits for b: a call costs its caller two copies of its tensors, and nothing more while b
// is behind. b is asked once a has answered, so that one call's two models do not compete for the processor, with a's random state as it was
// before. Any thread may use it. Its end does not wait for b either: threads that ask b go once it has answered. A forked child shadows nothing.
class Shadow {
 public:
  // A call that a is answering. Dropping one without an answer counts as a's error.
  class Begun;

  Shadow(Callee b, ShadowOptions options);
  Shadow(Shadow&&) noexcept;
  Shadow& operator=(Shadow&&) noexcept;
  ~Shadow();

  // Calls `a` and gives on what it answered or threw.
  Value call(const Callee& a, const std::string& method, Arguments arguments = {}, Keywords keywords = {},
             CallOptions options = {});

  // The same in two steps, for who calls `a` otherwise.
  std::shared_ptr<Begun> begin(const std::string& method, const Arguments& arguments,
                               const Keywords& keywords, const Value& state);
  void answered(Begun& call, const Value& answer);

  ShadowStatistics statistics() const;
  // Until nothing is in flight; false where that takes longer.
  bool wait(std::chrono::milliseconds time) const;
  // Nothing is asked of b afterwards, and what waits for it is dropped.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hubcell::compare

// One side's calls: how a comparison has its model answer, and what it takes for the end.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include <hubcell/compare.h>

namespace hubcell::compare {

// Ends a comparison early: what is known by then stays.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// Of one call.
struct Outcome {
  std::optional<Value> answer = {};
  std::string failure = {};  // one line; empty where there is an answer
  bool died = false;         // the worker crashed, or had to be ended
};

// Throws Interrupted where the caller of `options` wants an end.
void check_stop(const CompareOptions& options);
// Runs `work`; what a side's worker does wrong becomes the text of its error, and everything else goes on.
std::string failure_of(const CompareOptions& options, const std::function<void()>& work,
                       bool* died = nullptr);

// Borrows the model and the options.
class Calls {
 public:
  Calls(const Model& model, const CompareOptions& options) : model_(model), options_(options) {}

  // Calls the reset method, if there is one.
  void reset() const;
  // The call itself: the answer as it came. Throws what it throws.
  Value call(const Input& input) const;
  // Starts one, so that the other side computes meanwhile. Random numbers are drawn from `seed`; the worker's own go on afterwards where they
  // were.
  Future begin(const Input& input, std::uint64_t seed) const;
  // The part of an answer that is compared.
  Value pick(const Value& answer) const;

 private:
  const Model& model_;
  const CompareOptions& options_;
};

// Both sides answer the same input, side by side.
std::array<Outcome, 2> answer_both(const std::array<const Model*, 2>& models, const Input& input,
                                   std::uint64_t seed, const CompareOptions& options);

}  // namespace hubcell::compare

// One side's call, step by step: what goes into each module and what comes out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/compare.h>

namespace hubcell::compare {

// Which step of a call: equal on both sides where they do the same.
struct StepKey {
  enum class Kind { Start, End, Answer };
  Kind kind = Kind::Start;
  std::string module = {};  // as in named_modules()
  std::uint64_t call = 0;   // of the module, from 1
  auto operator<=>(const StepKey&) const = default;
};

struct Step {
  StepKey key = {};
  std::string type = {};    // of the module: "Conv2d"
  std::string caller = {};  // the module whose code runs just now, of a Start
  Value value = {};         // positional arguments, or what came out
};

// Begins the call; dropping it ends the call where it stands. Throws what the worker raises, Error(Protocol) on what is no step.
class Tracer {
 public:
  Tracer(const Model& model, const Input& input, std::uint64_t seed, const CompareOptions& options);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  // The next step; none at the end.
  std::optional<Step> next();
  // What goes into modules is not shown from now on.
  void skip_starts();
  // Classes of all modules by their names, run or not, in the model's order.
  const std::vector<std::pair<std::string, std::string>>& names() const { return names_; }
  bool has_ended() const { return ended_; }

 private:
  Object trace_;
  std::vector<std::pair<std::string, std::string>> names_ = {};
  std::vector<std::string> running_ = {};
  std::uint64_t steps_ = 0;
  bool ended_ = false;
};

// Bytes of the tensors in a value, as they lie in memory.
std::uint64_t tensor_bytes(const Value& value);

}  // namespace hubcell::compare

// Both calls go on in turn. A step of one side waits until the other shows the same one (of the same module, the same call of it), and
// both are compared then. The first step that differs says whose code makes the difference: where a module's arguments were equal
// and its answer is not, that module's; where already what goes into a module differs, that of the module which calls it.
#include "tools/compare/modules.h"

#include <algorithm>
#include <deque>
#include <set>

#include "tools/compare/calls.h"
#include "tools/compare/numbers/differences.h"
#include "tools/compare/tracer.h"

namespace hubcell::compare {
namespace {

// Of activations that wait for the other side.
constexpr std::uint64_t kWaitingBytesMax = std::uint64_t{256} << 20U;
constexpr std::size_t kWaitingStepsMax = 10'000;

// Steps of one side that the other has not shown yet.
class Waiting {
 public:
  void add(Step step) {
    bytes_ += tensor_bytes(step.value);
    order_.push_back(step.key);
    steps_.insert_or_assign(step.key, std::move(step));
  }
  std::optional<Step> take(const StepKey& key) {
    auto node = steps_.extract(key);
    if (node.empty()) return std::nullopt;
    std::erase(order_, key);
    bytes_ -= tensor_bytes(node.mapped().value);
    return std::move(node.mapped());
  }
  // The oldest, where there are too many.
  std::optional<Step> take_surplus() {
    if (order_.size() <= 1 || (bytes_ <= kWaitingBytesMax && order_.size() <= kWaitingStepsMax))
      return std::nullopt;
    return take(StepKey(order_.front()));
  }
  std::size_t size() const { return order_.size(); }
  const std::deque<StepKey>& keys() const { return order_; }

 private:
  std::map<StepKey, Step> steps_;
  std::deque<StepKey> order_;
  std::uint64_t bytes_ = 0;
};

bool is_worse(const ValueDifference& difference, const std::optional<ValueDifference>& than) {
  return !than || difference.max_abs() > than->max_abs() || (than->equal() && !difference.equal());
}

class Lockstep {
 public:
  // `is_exact`: what is not equal differs; else what is not within the tolerance.
  Lockstep(Tracer& a, Tracer& b, const CompareOptions& options, bool is_exact, TraceResult& result)
      : sides_{&a, &b}, options_(options), is_exact_(is_exact), result_(result) {
    for (std::size_t side = 0; side < 2; ++side) {
      for (const auto& [name, type] : sides_[side]->names())
        types_[side].emplace(name, type);
    }
  }

  void run() {
    while (!sides_[0]->has_ended() || !sides_[1]->has_ended()) {
      check_stop(options_);
      const std::size_t side = next_side();
      if (std::optional<Step> step = sides_[side]->next()) take(side, std::move(*step));
    }
    note_leftovers();
    list_the_rest();
  }

 private:
  std::size_t next_side() const {
    if (sides_[0]->has_ended()) return 1;
    if (sides_[1]->has_ended()) return 0;
    return waiting_[1].size() < waiting_[0].size() ? 1 : 0;
  }

  void take(std::size_t side, Step step) {
    if (step.key.kind == StepKey::Kind::End) row_of(step.key.module, side);
    if (!types_[1 - side].contains(step.key.module)) return;
    std::optional<Step> other = waiting_[1 - side].take(step.key);
    if (!other) {
      waiting_[side].add(std::move(step));
      while (const std::optional<Step> surplus = waiting_[side].take_surplus())
        note(surplus->key, "a call was not compared: the sides make it too far apart");
      return;
    }
    const Step& first = side == 0 ? step : *other;
    compare(first, difference_of(first.value, (side == 0 ? *other : step).value, options_.tolerance));
  }

  void compare(const Step& step, ValueDifference difference) {
    const bool differs = is_exact_ ? !difference.equal() : !difference.within();
    if (step.key.kind == StepKey::Kind::Start) {
      if (differs) found_first(step.caller, step.key.module);
      return;
    }
    // The model's own output, or all there is to see: what the answers say already.
    if (step.key.kind == StepKey::Kind::Answer && (rows_.contains("") || rows_.empty())) return;
    ModuleDifference& row = result_.modules[row_of(step.key.module, 0)];
    ++row.calls;
    if (is_worse(difference, row.worst)) row.worst = std::move(difference);
    if (differs) found_first(step.key.module, {});
  }

  // `passes_to`: the module whose arguments differ; none where the answer does.
  void found_first(const std::string& module, std::optional<std::string> passes_to) {
    if (result_.first) return;
    result_.first = row_of(module, 0);
    result_.first_passes_to = std::move(passes_to);
    for (Tracer* side : sides_)
      side->skip_starts();
  }

  std::size_t row_of(const std::string& module, std::size_t side) {
    const auto [row, is_new] = rows_.emplace(module, result_.modules.size());
    if (!is_new) return row->second;
    ModuleDifference made{.name = module};
    made.depth = module.empty() ? 0 : static_cast<std::uint32_t>(std::ranges::count(module, '.')) + 1;
    for (std::size_t i = 0; i < 2; ++i) {
      if (const auto type = types_[i].find(module); type != types_[i].end()) made.type[i] = type->second;
    }
    if (!types_[1 - side].contains(module)) made.note = side == 0 ? "only in A" : "only in B";
    result_.modules.push_back(std::move(made));
    return row->second;
  }

  void note(const StepKey& key, const std::string& text) {
    if (const auto row = rows_.find(key.module); row != rows_.end()) result_.modules[row->second].note = text;
  }

  // What one side alone has called.
  void note_leftovers() {
    for (std::size_t side = 0; side < 2; ++side) {
      for (const StepKey& key : waiting_[side].keys()) {
        if (key.kind != StepKey::Kind::End) continue;
        note(key, std::string(side == 0 ? "A" : "B") + " calls it more often");
      }
    }
  }

  void list_the_rest() {
    for (std::size_t side = 0; side < 2; ++side) {
      for (const auto& [name, type] : sides_[side]->names()) {
        if (!types_[1 - side].contains(name)) result_.only[side].push_back(name);
      }
    }
    for (const auto& [name, type] : sides_[0]->names()) {
      if (!name.empty() && types_[1].contains(name) && !rows_.contains(name)) result_.silent.push_back(name);
    }
  }

  std::array<Tracer*, 2> sides_;
  const CompareOptions& options_;
  const bool is_exact_;
  TraceResult& result_;
  std::array<std::map<std::string, std::string>, 2> types_;
  std::array<Waiting, 2> waiting_;
  std::map<std::string, std::size_t> rows_;
};

bool is_script(const std::pair<std::string, std::string>& module) {
  return module.second.find("ScriptModule") != std::string::npos;
}

// What a reader must know to read the table.
std::string note_of(const Tracer& a, const TraceResult& result, bool is_exact) {
  if (!result.silent.empty() && std::ranges::any_of(a.names(), is_script))
    return "what runs inside TorchScript cannot be seen: its modules are compared by their weights alone";
  if (!is_exact)
    return "the sides run two versions of torch: what lies within the tolerance is no difference";
  return "";
}

}  // namespace

void compare_modules(const Model& a, const Model& b, const Input& input, std::uint64_t seed,
                     const CompareOptions& options, TraceResult& result) {
  result.input = input.name;
  if (!a.object->is_module() || !b.object->is_module()) {
    result.note = "what is called is no torch.nn.Module";
    return;
  }
  const bool is_exact = a.side.info.torch == b.side.info.torch;
  const std::string failure = failure_of(options, [&] {
    Tracer first(a, input, seed, options);
    Tracer second(b, input, seed, options);
    Lockstep(first, second, options, is_exact, result).run();
    result.note = note_of(first, result, is_exact);
  });
  if (!failure.empty()) result.note = failure;
}

}  // namespace hubcell::compare

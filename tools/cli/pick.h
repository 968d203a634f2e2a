// `--pick`: a path into what an entrypoint returned or a call answered, like `0`, `.logits`, `["out"]`,
// chained.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include <hubcell/hub.h>

namespace hubcell::cli {

struct IndexStep {
  std::int64_t index;  // from the end where it is negative
};
struct NameStep {
  std::string name;
};
struct KeyStep {
  std::string key;
};
using Step = std::variant<IndexStep, NameStep, KeyStep>;

// Throws UsageError: "--pick 0..x: ...".
std::vector<Step> parse_pick(const std::string& expression);

// One step down. Lists, tuples and tensors have indices, dicts have keys (their strings as `.name` too); a
// handle is asked in its worker: `.name` is an attribute, an index or a key is __getitem__. Throws
// Error(Usage).
Value take_step(const Value& value, const Step& step);
Value walk(Value value, std::span<const Step> steps);

// The split of a path at the object that is to be called.
struct Target {
  Value value;                      // callable, or where all steps ended
  std::span<const Step> remaining;  // of the answer
};
// Walks until something callable is reached; the value itself is the first that is looked at.
Target walk_to_callable(Value value, std::span<const Step> steps);
bool is_callable(const Value& value);

}  // namespace hubcell::cli

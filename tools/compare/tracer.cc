#include "tools/compare/tracer.h"

#include "tools/compare/calls.h"

namespace hubcell::compare {
namespace {

// A model with more is no model, or its worker lies.
constexpr std::size_t kModulesMax = 100'000;
constexpr std::uint64_t kStepsMax = 10'000'000;
constexpr std::size_t kNameBytesMax = 1024;
constexpr int kDepthMax = 64;

[[noreturn]] void throw_no_step(const std::string& what) {
  throw Error(ErrorCode::Protocol, "look into a call: its worker shows " + what + ", which is no step of it");
}

Object begin_trace(const Model& model, const Input& input, std::uint64_t seed, const CompareOptions& options) {
  Calls(model, options).reset();
  Dict keywords;
  for (const auto& [name, value] : input.named)
    keywords.items.emplace_back(name, value);
  return Object(
      model.object->operate("trace", {options.method, Tuple{input.positional}, std::move(keywords),
                                                static_cast<std::int64_t>(seed & INT64_MAX)}));
}

std::string name_of(const Value& value) {
  if (!value.is<std::string>() || value.text().size() > kNameBytesMax)
    throw_no_step("a module without a name");
  return value.text();
}

StepKey::Kind kind_of(const std::string& text) {
  if (text == "start") return StepKey::Kind::Start;
  if (text == "end") return StepKey::Kind::End;
  if (text == "answer") return StepKey::Kind::Answer;
  throw_no_step("a step of another kind");
}

Step step_of(const Value& given) {
  const std::vector<Value>* parts = given.items();
  if (parts == nullptr || parts->size() != 5 || !(*parts)[2].is<std::int64_t>() || (*parts)[2].integer() < 0)
    throw_no_step(given.describe());
  return {.key = {.kind = kind_of(name_of((*parts)[0])),
                  .module = name_of((*parts)[1]),
                  .call = static_cast<std::uint64_t>((*parts)[2].integer())},
          .type = name_of((*parts)[3]),
          .caller = {},
          .value = (*parts)[4]};
}

std::uint64_t bytes_below(const Value& value, int depth) {
  if (depth > kDepthMax) return 0;
  if (value.is<Tensor>()) return value.tensor().extent_bytes();
  std::uint64_t bytes = 0;
  if (const std::vector<Value>* items = value.items()) {
    for (const Value& item : *items)
      bytes += bytes_below(item, depth + 1);
  }
  if (value.is<Dict>()) {
    for (const auto& [key, item] : value.as<Dict>().items)
      bytes += bytes_below(item, depth + 1);
  }
  return bytes;
}

}  // namespace

std::uint64_t tensor_bytes(const Value& value) {
  return bytes_below(value, 0);
}

Tracer::Tracer(const Model& model, const Input& input, std::uint64_t seed, const CompareOptions& options)
    : trace_(begin_trace(model, input, seed, options)) {
  const Value names = trace_.call("names");
  const std::vector<Value>* items = names.items();
  if (items == nullptr || items->size() > kModulesMax) throw_no_step("names of modules that are none");
  for (const Value& item : *items)
    names_.emplace_back(name_of(item[0]), name_of(item[1]));
}

Tracer::~Tracer() {
  if (ended_) return;
  try {
    trace_.call("close");
  } catch (const Error&) {
    // Its worker has ended, and the call with it.
  }
}

std::optional<Step> Tracer::next() {
  const Value answer = trace_.operate("next");
  const std::vector<Value>* items = answer.items();
  if (items == nullptr || items->size() > 1 || ++steps_ > kStepsMax) throw_no_step(answer.describe());
  if (items->empty()) {
    ended_ = true;
    return std::nullopt;
  }
  Step step = step_of(items->front());
  if (step.key.kind == StepKey::Kind::Start) {
    if (!running_.empty()) step.caller = running_.back();
    running_.push_back(step.key.module);
  } else if (!running_.empty()) {
    running_.pop_back();
  }
  return step;
}

void Tracer::skip_starts() {
  if (!ended_) trace_.call("skip_starts");
}

}  // namespace hubcell::compare

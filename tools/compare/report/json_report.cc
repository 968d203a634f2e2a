#include "tools/compare/report/json_report.h"

#include <cmath>
#include <cstdio>

#include "tools/compare/numbers/figures.h"

namespace hubcell::compare {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

template <typename Held, typename Convert>
Json optional(const std::optional<Held>& held, Convert convert) {
  return held ? Json(convert(*held)) : Json();
}

template <typename Items, typename Convert>
Json list(const Items& items, Convert convert) {
  Json array = Json::array();
  for (const auto& item : items)
    array.push_back(convert(item));
  return array;
}

Json numbers(const std::array<double, 2>& pair) {
  return Json::array({number(pair[0]), number(pair[1])});
}

Json interval(const Interval& given) {
  return {{"estimate", number(given.estimate)}, {"low", number(given.low)}, {"high", number(given.high)}};
}

Json proportion(const Proportion& given) {
  return {{"hits", given.hits}, {"count", given.count}, {"share", interval(given.share)}};
}

Json side(const Side& given) {
  const ModelInfo& info = given.info;
  Json json = {{"name", given.name},
               {"repo", info.repository},
               {"ref", info.ref},
               {"commit", info.commit},
               {"entry", given.entry},
               {"signature", given.signature},
               {"docstring", given.docstring},
               {"dependencies", given.dependencies},
               {"python", info.python},
               {"torch", info.torch},
               {"sandbox", info.sandbox},
               {"load_s", optional(given.load_s, number)},
               {"private_bytes", info.private_bytes},
               {"shared_bytes", info.shared_bytes},
               {"weights_bytes", info.weights_bytes},
               {"common_weights_bytes", info.common_weights_bytes}};
  if (!given.failure.empty()) json["failure"] = given.failure;
  return json;
}

Json structure_difference(const StructureDifference& given) {
  return {{"path", given.path}, {"a", given.a}, {"b", given.b}};
}

Json tensor_difference(const TensorDifference& given) {
  return {{"path", given.path},
          {"dtype", given.dtype},
          {"shape", given.shape},
          {"count", given.count},
          {"equal", given.equal},
          {"within", given.within},
          {"outside", given.outside},
          {"max_abs", number(given.max_abs)},
          {"mean_abs", number(given.mean_abs)},
          {"max_rel", number(given.max_rel)},
          {"mean_rel", number(given.mean_rel)},
          {"max_ulp", given.max_ulp ? Json(*given.max_ulp) : Json()},
          {"cosine", optional(given.cosine, number)},
          {"nan", given.nan},
          {"infinite", given.infinite},
          {"worst", given.worst},
          {"worst_values", numbers(given.worst_values)}};
}

Json value_difference(const ValueDifference& given) {
  Json json = {{"equal", given.equal()},
               {"within", given.within()},
               {"tensors", list(given.tensors, tensor_difference)}};
  if (!given.structure.empty()) json["structure"] = list(given.structure, structure_difference);
  if (given.handles != 0) json["handles"] = given.handles;
  return json;
}

Json ranking(const Ranking& given) {
  return {{"best", given.best}, {"scores", list(given.scores, number)}};
}

Json input(const InputResult& given) {
  Json json = {{"name", given.name}, {"summary", given.summary}};
  if (!given.answered()) json["failure"] = given.failure;
  if (given.difference) json["difference"] = value_difference(*given.difference);
  if (given.ranking[0] && given.ranking[1])
    json["ranking"] = Json::array({ranking(*given.ranking[0]), ranking(*given.ranking[1])});
  if (given.label) json["label"] = *given.label;
  return json;
}

Json classes(const ClassResult& given) {
  Json json = {{"k", given.k},
               {"top1_agreement", proportion(given.top1_agreement)},
               {"topk_overlap", number(given.topk_overlap)}};
  if (!given.accuracy[0] && !given.accuracy[1]) return json;
  const auto both = [](const auto& pair) {
    return Json::array({optional(pair[0], proportion), optional(pair[1], proportion)});
  };
  json["accuracy"] = both(given.accuracy);
  json["topk_accuracy"] = both(given.topk_accuracy);
  json["only_a_right"] = given.only_a_right;
  json["only_b_right"] = given.only_b_right;
  json["accuracy_difference"] = optional(given.accuracy_difference, interval);
  json["mcnemar_p"] = optional(given.mcnemar_p, number);
  return json;
}

Json module(const ModuleDifference& given) {
  Json json = {{"name", given.name}, {"type", given.type}, {"calls", given.calls}};
  if (given.worst) json["difference"] = value_difference(*given.worst);
  if (!given.note.empty()) json["note"] = given.note;
  return json;
}

Json trace(const TraceResult& given) {
  Json json = {{"input", given.input}, {"first", Json()}};
  if (given.first) {
    json["first"] = given.modules.at(*given.first).name;
    json["first_passes_to"] = given.first_passes_to ? Json(*given.first_passes_to) : Json();
  }
  json["modules"] = list(given.modules, module);
  json["only"] = given.only;
  json["silent"] = given.silent;
  if (!given.note.empty()) json["note"] = given.note;
  return json;
}

const char* change_name(WeightChange change) {
  switch (change) {
    case WeightChange::Equal:
      return "equal";
    case WeightChange::Changed:
      return "changed";
    case WeightChange::OnlyA:
      return "only_a";
    case WeightChange::OnlyB:
      return "only_b";
    case WeightChange::Reshaped:
      return "reshaped";
  }
  return "";
}

Json weight(const WeightDifference& given) {
  return {{"name", given.name},
          {"change", change_name(given.change)},
          {"dtype", given.dtype},
          {"shape", given.shape},
          {"one_memory", given.one_memory},
          {"change_norm", number(given.change_norm)},
          {"relative_norm", number(given.relative_norm)},
          {"changed_share", number(given.changed_share)},
          {"max_abs", number(given.max_abs)}};
}

Json weights(const WeightsResult& given) {
  Json json = {{"parameters", given.parameters},
               {"bytes", given.bytes},
               {"common_bytes", given.common_bytes},
               {"weights", list(given.weights, weight)}};
  if (!given.note.empty()) json["note"] = given.note;
  return json;
}

Json latency(const Latency& given) {
  return {{"p50", interval(given.p50)},
          {"p90", interval(given.p90)},
          {"p99", interval(given.p99)},
          {"samples", list(given.samples, number)}};
}

Json speed(const SpeedResult& given) {
  Json json = {{"rounds", given.rounds},
               {"latency_s", Json::array({latency(given.latency[0]), latency(given.latency[1])})},
               {"ratio", interval(given.ratio)},
               {"differs", given.rounds != 0 && given.differs()}};
  if (!given.note.empty()) json["note"] = given.note;
  return json;
}

Json code(const CodeResult& given) {
  Json json = {
      {"merge_base", given.merge_base},
      {"only_a", given.only_a},
      {"only_b", given.only_b},
      {"tips", Json::array({optional(given.tip[0], [](const Commit& tip) { return to_json(tip); }),
                            optional(given.tip[1], [](const Commit& tip) { return to_json(tip); })})},
      {"commits", list(given.commits, [](const Commit& commit) { return to_json(commit); })},
      {"files_changed", given.files_changed},
      {"lines_added", given.lines_added},
      {"lines_removed", given.lines_removed},
      {"files", list(given.files, [](const FileChange& change) { return to_json(change); })}};
  if (!given.note.empty()) json["note"] = given.note;
  return json;
}

}  // namespace

Json to_json(const Commit& commit) {
  return {{"id", commit.id},
          {"author", commit.author},
          {"time", commit.time},
          {"offset_minutes", commit.offset_minutes},
          {"subject", commit.subject}};
}

Json to_json(const FileChange& change) {
  Json json = {{"path", change.path},
               {"status", std::string(1, change.status)},
               {"added", change.added},
               {"removed", change.removed}};
  if (!change.old_path.empty()) json["old_path"] = change.old_path;
  if (change.is_binary) json["binary"] = true;
  return json;
}

Json to_json(const Comparison& comparison) {
  Json figures = Json::object();
  for (const Figure& figure : figures_of(comparison))
    figures[std::string(figure.name)] = optional(figure.value, number);
  Json json = {{"sides", Json::array({side(comparison.sides[0]), side(comparison.sides[1])})},
               {"equal", comparison.equal()},
               {"within", comparison.within()},
               {"failed", comparison.failed()},
               {"interrupted", comparison.interrupted},
               {"rtol", number(comparison.tolerance.rtol)},
               {"atol", number(comparison.tolerance.atol)},
               {"confidence", number(comparison.confidence)},
               {"figures", std::move(figures)},
               {"inputs", list(comparison.inputs, input)}};
  if (comparison.classes) json["classes"] = classes(*comparison.classes);
  if (comparison.trace) json["modules"] = trace(*comparison.trace);
  if (comparison.weights) json["weights"] = weights(*comparison.weights);
  if (comparison.speed) json["speed"] = speed(*comparison.speed);
  if (comparison.code) json["code"] = code(*comparison.code);
  json["warnings"] = comparison.warnings;
  json["command"] = comparison.command;
  json["time"] = comparison.time;
  json["machine"] = comparison.machine;
  return json;
}

}  // namespace hubcell::compare

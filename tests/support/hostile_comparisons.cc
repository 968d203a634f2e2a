// Comparisons that break what shows them, where it can be broken.
#include <cmath>
#include <limits>

#include "tests/support/sample_comparisons.h"

namespace hubcell::test {
namespace {

using namespace compare;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");
const double kFigures[] = {kNan, kInfinity, -kInfinity, 0, -0.0, 1e308, -1e308, 5e-324, 1, 3e-7};
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

double figure_of(std::size_t i) {
  return kFigures[i % std::size(kFigures)];
}

std::string text_of(std::size_t i) {
  const std::string texts[] = {
      "</script><img src=x onerror=alert(1)>",
      "\" onmouseover=\"alert(1)\" x='",
      std::string("a\0b\x1b[31m\x1b]0;title\x07\x7f\r\nc\td", 24),
      std::string(10'000, 'n'),
      "\xff\xfe\xc0\x80\xed\xa0\x80\xf5 half \xe2\x82",
      "\u202egnp.exe\u2066\u200b\ufeff\u2028 \u0085",
      "</title></style></svg><svg onload=alert(1)><![CDATA[ ]]> <!-- -- &lt; &#x3c;",
      "",
      "全角文字の名前" + std::string(600, '.') + "日本語",
      "e" + std::string(3000, '\xcc') + "\xcc\x81 {{x}} ${x} javascript:alert(1)",
  };
  return texts[i % std::size(texts)];
}

Interval interval_of(std::size_t i) {
  return {figure_of(i), figure_of(i + 3), figure_of(i + 7)};
}

ValueDifference difference_of(std::size_t i) {
  ValueDifference difference;
  difference.structure.push_back({text_of(i), text_of(i + 1), text_of(i + 2)});
  for (std::size_t at = i; at < i + 3; ++at) {
    TensorDifference tensor;
    tensor.path = text_of(at);
    tensor.dtype = {text_of(at + 1), text_of(at + 2)};
    tensor.shape = {std::numeric_limits<std::int64_t>::min(), -1, 0};
    tensor.count = at % 2 == 0 ? kMost : 0;
    tensor.max_abs = figure_of(at);
    tensor.mean_abs = figure_of(at + 1);
    tensor.max_rel = figure_of(at + 2);
    tensor.mean_rel = figure_of(at + 3);
    tensor.max_ulp = kMost;
    tensor.cosine = figure_of(at + 4);
    tensor.nan = tensor.infinite = {kMost, 1};
    tensor.worst = std::vector<std::int64_t>(50, std::numeric_limits<std::int64_t>::max());
    tensor.worst_values = {figure_of(at), figure_of(at + 5)};
    difference.tensors.push_back(tensor);
  }
  return difference;
}

Preview preview_of(std::size_t i) {
  Preview preview;
  preview.kind = i % 2 == 0 ? Preview::Kind::Image : Preview::Kind::Series;
  preview.width = i % 4 == 0 ? 0xffffffff : 2;
  preview.height = i % 4 == 0 ? 0xffffffff : 2;
  preview.pixels = std::vector<std::uint8_t>(i % 3 == 0 ? 12 : 5, 200);
  for (std::size_t at = 0; at < 20; ++at)
    preview.lows.push_back(static_cast<float>(figure_of(at)));
  preview.highs = std::vector<float>(i % 5, 1e38F);
  preview.length = figure_of(i);
  return preview;
}

InputResult input_of(std::size_t i) {
  InputResult input;
  input.name = text_of(i);
  input.summary = text_of(i + 1);
  if (i % 6 == 5) input.failure[i % 2] = text_of(i + 1) + " ";
  if (i % 7 != 6) input.difference = difference_of(i);
  input.ranking[0] = Ranking{{-1, std::numeric_limits<std::int64_t>::min()}, {figure_of(i)}};
  if (i % 2 == 0) input.ranking[1] = Ranking{{}, std::vector<double>(400, kNan)};
  input.label = -5;
  input.preview = preview_of(i);
  return input;
}

TraceResult trace_of() {
  TraceResult trace;
  for (std::size_t i = 0; i < 40; ++i) {
    ModuleDifference& module = trace.modules.emplace_back();
    module.name = text_of(i);
    module.type = {text_of(i + 1), text_of(i + 2)};
    module.calls = kMost;
    module.depth = 0xffffffff;
    if (i % 3 != 0) module.worst = difference_of(i);
    module.note = text_of(i + 3);
    trace.only[i % 2].push_back(text_of(i));
    trace.silent.push_back(text_of(i));
  }
  trace.first = 40;  // none of them
  trace.input = text_of(0);
  trace.note = text_of(1);
  return trace;
}

WeightsResult weights_of() {
  WeightsResult weights;
  for (std::size_t i = 0; i < 40; ++i)
    weights.weights.push_back({.name = text_of(i),
                               .change = static_cast<WeightChange>(i % 5),
                               .dtype = {text_of(i), text_of(i + 1)},
                               .shape = {std::vector<std::int64_t>(i * 10, -1), {}},
                               .change_norm = figure_of(i),
                               .relative_norm = figure_of(i + 1),
                               .changed_share = figure_of(i + 2),
                               .max_abs = figure_of(i + 3)});
  weights.parameters = weights.bytes = {kMost, 0};
  weights.common_bytes = kMost;
  weights.note = text_of(0);
  return weights;
}

CodeResult code_of() {
  CodeResult code;
  for (std::size_t i = 0; i < 20; ++i) {
    code.commits.push_back({.id = text_of(i),
                            .author = text_of(i + 1),
                            .time = i % 2 == 0 ? std::numeric_limits<std::int64_t>::min()
                                               : std::numeric_limits<std::int64_t>::max(),
                            .offset_minutes = -1,
                            .subject = text_of(i + 2),
                            .parents = {}});
    code.files.push_back({.path = text_of(i),
                          .old_path = text_of(i + 1),
                          .status = static_cast<char>(i * 13),
                          .added = kMost,
                          .removed = kMost,
                          .is_binary = i % 2 == 0});
  }
  code.only_a = code.only_b = code.files_changed = code.lines_added = code.lines_removed = kMost;
  code.note = code.merge_base = text_of(0);
  return code;
}

}  // namespace

compare::Comparison hostile_comparison() {
  Comparison comparison;
  for (std::size_t side = 0; side < 2; ++side) {
    Side& made = comparison.sides.at(side);
    made.name = text_of(side);
    made.label = text_of(side + 2);
    made.entry = text_of(side);
    made.info.repository = made.info.ref = made.info.commit = text_of(side + 4);
    made.info.python = text_of(6);
    made.info.torch = text_of(side + 3);
    made.info.sandbox = text_of(side);
    made.info.private_bytes = kMost;
    made.signature = text_of(side);
    for (std::size_t i = 0; i < 20; ++i)
      made.docstring += text_of(i + side) + "\n";
    made.dependencies = {text_of(side), text_of(side + 1), text_of(side + 5)};
    made.load_s = figure_of(side);
  }
  comparison.tolerance = {kNan, kInfinity};
  comparison.confidence = kNan;
  for (std::size_t i = 0; i < 50; ++i)
    comparison.inputs.push_back(input_of(i));
  ClassResult classes;
  classes.k = static_cast<std::size_t>(kMost);
  classes.top1_agreement = {kMost, 1, interval_of(0)};
  classes.topk_overlap = kNan;
  for (std::size_t side = 0; side < 2; ++side) {
    classes.accuracy.at(side) = Proportion{kMost, 0, interval_of(side)};
    classes.topk_accuracy.at(side) = Proportion{0, kMost, interval_of(side + 4)};
  }
  classes.accuracy_difference = interval_of(2);
  classes.mcnemar_p = kNan;
  comparison.classes = classes;
  comparison.trace = trace_of();
  comparison.weights = weights_of();
  SpeedResult speed;
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::size_t i = 0; i < 200; ++i)
      speed.latency.at(side).samples.push_back(figure_of(i + side));
    speed.latency.at(side).p50 = interval_of(side);
    speed.latency.at(side).p90 = interval_of(side + 5);
    speed.latency.at(side).p99 = interval_of(side + 8);
  }
  speed.rounds = static_cast<std::size_t>(kMost);
  speed.ratio = {kInfinity, 0, kNan};
  speed.note = text_of(6);
  comparison.speed = speed;
  comparison.code = code_of();
  comparison.interrupted = true;
  for (std::size_t i = 0; i < 10; ++i)
    comparison.warnings.push_back(text_of(i));
  comparison.command = text_of(0);
  comparison.time = std::numeric_limits<std::int64_t>::max();
  comparison.machine = text_of(2);
  return comparison;
}

compare::Comparison large_comparison() {
  constexpr std::size_t kCount = 3000;
  Comparison comparison = speech_comparison();
  const auto repeat = [](auto& list, std::size_t count) {
    const std::size_t size = list.size();
    for (std::size_t i = 0; list.size() < count; ++i) {
      auto item = list[i % size];
      list.push_back(std::move(item));
    }
  };
  repeat(comparison.inputs, kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    comparison.inputs[i].name =
        "recordings/a-long-folder-of-recordings/session-" + std::to_string(i) + "/chunk.wav";
    for (TensorDifference& tensor : comparison.inputs[i].difference->tensors)
      if (i % 10 == 0) tensor.path = "['outputs'][" + std::to_string(i) + "].logits";
  }
  const Comparison pictures = image_comparison();
  for (std::size_t i = 0; i < kCount; i += 10)
    comparison.inputs[i].preview = pictures.inputs[i % pictures.inputs.size()].preview;
  repeat(comparison.trace->modules, kCount);
  repeat(comparison.trace->only[0] = {"x"}, kCount);
  repeat(comparison.trace->silent, kCount);
  repeat(comparison.weights->weights, kCount);
  repeat(comparison.speed->latency[0].samples, 100'000);
  repeat(comparison.speed->latency[1].samples, 100'000);
  repeat(comparison.code->commits, kCount);
  repeat(comparison.code->files, kCount);
  comparison.code->only_b = comparison.code->files_changed = kCount;
  for (std::size_t i = 0; i < kCount; ++i) {
    comparison.sides[0].docstring += "line " + std::to_string(i) + "\n";
    comparison.warnings.push_back("a warning of " + std::to_string(i));
  }
  return comparison;
}

std::vector<std::pair<std::string, compare::Comparison>> sample_comparisons() {
  return {{"speech", speech_comparison()},       {"image", image_comparison()},
          {"equal", equal_comparison()},         {"close", close_comparison()},
          {"crashed", crashed_comparison()},     {"failing", failing_comparison()},
          {"structure", structure_comparison()}, {"hostile", hostile_comparison()},
          {"large", large_comparison()},         {"empty", {}}};
}

}  // namespace hubcell::test

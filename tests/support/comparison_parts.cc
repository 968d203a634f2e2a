#include "tests/support/comparison_parts.h"

#include <algorithm>

namespace hubcell::test {

using namespace compare;

namespace {

Interval around(double value, double share) {
  return {value, value * (1 - share), value * (1 + share)};
}

Latency latency_of(double middle, Numbers& numbers, std::size_t count) {
  Latency latency;
  for (std::size_t i = 0; i < count; ++i)
    latency.samples.push_back(
        middle * (1 + 0.04 * numbers.normal() + (numbers.uniform() > 0.95 ? 0.5 * numbers.uniform() : 0)));
  std::vector<double> sorted = latency.samples;
  std::ranges::sort(sorted);
  latency.p50 = around(sorted[count / 2], 0.008);
  latency.p90 = around(sorted[count * 9 / 10], 0.02);
  latency.p99 = {sorted[count * 99 / 100], sorted[count * 97 / 100], sorted[count - 1]};
  return latency;
}

ModuleDifference module_of(const std::string& name, const std::string& type, double difference,
                           Numbers& numbers) {
  ModuleDifference module;
  module.name = name;
  module.type = {type, type};
  module.calls = 1;
  module.depth = name.empty() ? 0 : 1 + static_cast<std::uint32_t>(std::ranges::count(name, '.'));
  module.worst.emplace();
  module.worst->tensors.push_back(tensor_of("", difference, numbers));
  return module;
}

}  // namespace

Proportion proportion_of(std::uint64_t hits, std::uint64_t count) {
  const double n = static_cast<double>(count), p = static_cast<double>(hits) / n, z = 1.96;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {hits, count, {p, middle - half, middle + half}};
}

Side side_of(const std::string& repository, const std::string& ref, const std::string& entry) {
  Side side;
  side.name = repository + "@" + ref;
  side.label = ref;
  side.entry = entry;
  side.info.repository = repository;
  side.info.ref = ref;
  side.info.commit = std::string(ref.size() % 2 == 0 ? "9060f664f20eabb66328e4002a41479ff288f14c"
                                                     : "4af5bdf3ad38bd0d2f2d25c1b1e0eacd92c7d2f1");
  side.info.python = "3.11.2";
  side.info.torch = "1.13.0a0";
  side.info.sandbox = "full";
  side.info.private_bytes = 118U << 20U;
  side.info.shared_bytes = 91U << 20U;
  side.load_s = 0.412;
  return side;
}

TensorDifference tensor_of(const std::string& path, double difference, Numbers& numbers) {
  TensorDifference tensor;
  tensor.path = path;
  tensor.dtype = {"float32", "float32"};
  tensor.shape = {1, 1, 512};
  tensor.count = 512;
  tensor.equal = difference == 0;
  tensor.within = difference < 1e-7;
  tensor.outside = tensor.within ? 0 : 1 + numbers.below(500);
  tensor.max_abs = difference;
  tensor.mean_abs = difference * 0.12;
  tensor.max_rel = std::min(1.9, difference * 2.3);
  tensor.mean_rel = tensor.max_rel / 7;
  tensor.max_ulp = static_cast<std::uint64_t>(difference * 1e7);
  tensor.cosine = 1 - difference * difference * 0.4;
  tensor.worst = {0, 0, static_cast<std::int64_t>(numbers.below(512))};
  tensor.worst_values = {0.412, 0.412 + difference};
  return tensor;
}

Preview sound_of(std::size_t index, Numbers& numbers) {
  Preview preview{.kind = Preview::Kind::Series,
                  .width = 0,
                  .height = 0,
                  .pixels = {},
                  .lows = {},
                  .highs = {},
                  .length = 16000};
  for (int i = 0; i < 160; ++i) {
    const double loudness = std::pow(std::sin(i * (0.02 + 0.004 * static_cast<double>(index % 9))), 2.0) *
                            (0.3 + 0.7 * numbers.uniform());
    preview.lows.push_back(static_cast<float>(-loudness * (0.6 + 0.4 * numbers.uniform())));
    preview.highs.push_back(static_cast<float>(loudness));
  }
  return preview;
}

Preview picture_of(std::size_t index) {
  Preview preview{.kind = Preview::Kind::Image,
                  .width = 160,
                  .height = 120,
                  .pixels = {},
                  .lows = {},
                  .highs = {},
                  .length = 0};
  const double x0 = 30 + 11 * static_cast<double>(index % 10), y0 = 35 + 7 * static_cast<double>(index % 7);
  for (std::uint32_t y = 0; y < preview.height; ++y) {
    for (std::uint32_t x = 0; x < preview.width; ++x) {
      const bool inside = std::hypot(x - x0, y - y0) < 26 + static_cast<double>(index % 5) * 3;
      const auto shade = static_cast<std::uint8_t>(90 + y);
      const std::uint8_t colour[3] = {
          inside ? std::uint8_t{214} : shade,
          inside ? static_cast<std::uint8_t>(120 + x / 2) : static_cast<std::uint8_t>(shade + 20),
          inside ? std::uint8_t{60} : static_cast<std::uint8_t>(140 + y / 2)};
      preview.pixels.insert(preview.pixels.end(), colour, colour + 3);
    }
  }
  return preview;
}

Ranking ranking_of(std::int64_t best, double score, Numbers& numbers) {
  Ranking ranking;
  for (int i = 0; i < 5; ++i) {
    ranking.best.push_back(i == 0 ? best : static_cast<std::int64_t>(numbers.below(1000)));
    ranking.scores.push_back(i == 0 ? score : (1 - score) * std::pow(0.5, i));
  }
  return ranking;
}

SpeedResult speed_of(double a, double b, Numbers& numbers) {
  SpeedResult speed;
  speed.latency = {latency_of(a, numbers, 200), latency_of(b, numbers, 200)};
  speed.rounds = 100;
  speed.ratio = {b / a, b / a * 0.96, b / a * 1.05};
  return speed;
}

TraceResult trace_of(Numbers& numbers) {
  TraceResult trace;
  double difference = 0;
  const char* parts[] = {"stft", "encoder.0", "encoder.1", "encoder.2", "encoder.3", "decoder"};
  const char* layers[] = {"reparam_conv", "se", "activation", "norm", "pool", "skip"};
  const char* types[] = {"Conv1d", "SqueezeExcite", "ReLU", "BatchNorm1d", "AvgPool1d", "Identity"};
  for (std::size_t part = 0; part < std::size(parts); ++part) {
    for (std::size_t layer = 0; layer < std::size(layers); ++layer) {
      if (part * 6 + layer >= 13) difference = std::max(1.1e-6, difference * (0.9 + 1.1 * numbers.uniform()));
      trace.modules.push_back(
          module_of(std::string(parts[part]) + "." + layers[layer], types[layer], difference, numbers));
    }
  }
  trace.modules.push_back(module_of("decoder.rnn", "LSTMCell", difference * 3, numbers));
  trace.modules.push_back(module_of("decoder", "Sequential", difference * 3, numbers));
  trace.modules.push_back(module_of("", "VADRNNJIT", 0.31, numbers));
  trace.modules.push_back({.name = "decoder.head",
                           .type = {"", "Linear"},
                           .calls = 0,
                           .depth = 2,
                           .worst = {},
                           .note = "only in B"});
  trace.modules[20].worst.reset();
  trace.modules[20].note = "called 3 times and 4 times";
  trace.first = 13;
  trace.only[1] = {"decoder.head", "decoder.head.bias_gate"};
  trace.silent = {"encoder.0.dropout"};
  trace.input = "chunk 17";
  return trace;
}

WeightsResult weights_of(Numbers& numbers) {
  WeightsResult weights;
  for (int i = 0; i < 46; ++i) {
    WeightDifference weight;
    weight.name = "encoder." + std::to_string(i / 8) + ".reparam_conv." + std::to_string(i % 8) +
                  (i % 2 == 0 ? ".weight" : ".bias");
    weight.dtype = {"float32", "float32"};
    weight.shape = {std::vector<std::int64_t>{128, 64, 3}, {128, 64, 3}};
    if (i < 18) {
      weight.one_memory = true;
    } else {
      weight.change = WeightChange::Changed;
      weight.relative_norm = 0.4 * std::pow(numbers.uniform(), 3) + 1e-4;
      weight.change_norm = weight.relative_norm * 9;
      weight.changed_share = 0.5 + 0.5 * numbers.uniform();
      weight.max_abs = weight.relative_norm * 0.3;
    }
    weights.weights.push_back(weight);
  }
  weights.weights[40].change = WeightChange::Reshaped;
  weights.weights[40].shape[1] = {128, 65, 3};
  weights.weights.push_back({.name = "decoder.head.weight",
                             .change = WeightChange::OnlyB,
                             .dtype = {"", "float32"},
                             .shape = {std::vector<std::int64_t>{}, {2, 64}}});
  weights.parameters = {309633, 309763};
  weights.bytes = {1238532, 1239052};
  weights.common_bytes = 442368;
  return weights;
}

CodeResult code_of(Numbers& numbers) {
  CodeResult code;
  const char* authors[] = {"Ada Lovelace <ada@example.org>", "Émile Żółć <emile@example.org>",
                           "林 美咲 <misaki@example.org>"};
  const char* subjects[] = {"Train on longer recordings",
                            "Fix the state that leaks between sessions",
                            "Add 8 kHz to the exported model",
                            "Update the benchmarks' table",
                            "Speed the first convolution up by fusing its padding into the kernel's loop",
                            "Release"};
  for (int i = 0; i < 12; ++i) {
    std::string id;
    for (int digit = 0; digit < 40; ++digit)
      id += "0123456789abcdef"[numbers.below(16)];
    code.commits.push_back({.id = id,
                            .author = authors[i % 3],
                            .time = 1'755'000'000 - i * 190'000,
                            .offset_minutes = 120,
                            .subject = subjects[i % 6],
                            .parents = {}});
  }
  for (int i = 0; i < 30; ++i)
    code.files.push_back({.path = i % 5 == 0 ? "src/silero_vad/data/model_" + std::to_string(i) + ".jit"
                                             : "src/silero_vad/utils_vad_" + std::to_string(i) + ".py",
                          .old_path = i == 7 ? "src/silero_vad/old_name.py" : "",
                          .status = i % 11 == 3 ? 'A'
                                    : i == 7    ? 'R'
                                    : i == 9    ? 'D'
                                                : 'M',
                          .added = numbers.below(120),
                          .removed = numbers.below(60),
                          .is_binary = i % 5 == 0});
  code.merge_base = code.commits.back().id;
  code.only_b = 12;
  code.files_changed = 30;
  for (const FileChange& file : code.files) {
    code.lines_added += file.added;
    code.lines_removed += file.removed;
  }
  code.tip = {code.commits.back(), code.commits.front()};
  return code;
}
}  // namespace hubcell::test

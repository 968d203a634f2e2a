#include "tests/support/sample_comparisons.h"

#include <cmath>
#include <limits>

#include "tests/support/comparison_parts.h"

namespace hubcell::test {

using namespace compare;

compare::Comparison speech_comparison() {
  Numbers numbers(1);
  Comparison comparison;
  comparison.sides = {side_of("snakers4/silero-vad", "v5.1", "silero_vad"),
                      side_of("snakers4/silero-vad", "v6.0", "silero_vad")};
  comparison.sides[1].info.commit = "4af5bdf3ad38bd0d2f2d25c1b1e0eacd92c7d2f1";
  comparison.sides[1].info.torch = "2.1.0";
  comparison.sides[1].load_s = 0.377;
  comparison.sides[0].signature = "(onnx=False, force_onnx_cpu=False)";
  comparison.sides[1].signature = "(onnx=False, force_onnx_cpu=False, opset_version=16)";
  comparison.sides[0].docstring =
      "Silero Voice Activity Detector\nReturns a model with a set of utils\nPlease see the wiki for usage "
      "examples";
  comparison.sides[1].docstring =
      "Silero Voice Activity Detector\nReturns a model with a set of utils\nopset_version: 15 or 16, of the "
      "ONNX model\nPlease see the wiki for usage examples";
  comparison.sides[0].dependencies = {"torch", "torchaudio"};
  comparison.sides[1].dependencies = {"torch", "torchaudio", "packaging"};
  for (std::size_t i = 0; i < 50; ++i) {
    InputResult input;
    input.name = "chunk " + std::to_string(i + 1);
    input.summary = "float32 [1, 512], 16000";
    input.difference.emplace();
    const double difference = i % 9 == 4 ? 0
                              : i == 16  ? 0.31
                                         : std::pow(10.0, -4.6 + 3.2 * numbers.uniform());
    input.difference->tensors = {tensor_of("[0]", difference, numbers),
                                 tensor_of("[1]", i % 4 == 0 ? 0 : difference * 0.2, numbers)};
    input.preview = sound_of(i, numbers);
    input.label = static_cast<std::int64_t>(i % 2);
    input.ranking[0] = Ranking{{input.label.value(), 1 - *input.label}, {0.91, 0.09}};
    input.ranking[1] = i == 16 || i == 30 ? Ranking{{1 - *input.label, *input.label}, {0.54, 0.46}}
                                          : Ranking{{*input.label, 1 - *input.label}, {0.93, 0.07}};
    comparison.inputs.push_back(std::move(input));
  }
  ClassResult classes;
  classes.k = 2;
  classes.top1_agreement = proportion_of(48, 50);
  classes.topk_overlap = 1;
  classes.accuracy = {proportion_of(46, 50), proportion_of(46, 50)};
  classes.only_a_right = classes.only_b_right = 2;
  classes.accuracy_difference = Interval{0, -0.074, 0.074};
  classes.mcnemar_p = 1;
  comparison.classes = classes;
  comparison.trace = trace_of(numbers);
  comparison.weights = weights_of(numbers);
  comparison.speed = speed_of(312e-6, 223e-6, numbers);
  comparison.code = code_of(numbers);
  comparison.command =
      "hubcell compare snakers4/silero-vad@v5.1 snakers4/silero-vad@v6.0 silero_vad -x speech.wav -x "
      "json:16000 --labels speech.txt --html report.html";
  comparison.time = 1'795'751'400;
  comparison.machine = "AMD EPYC 7763, 2 CPUs, Linux 6.1";
  return comparison;
}

compare::Comparison image_comparison() {
  Numbers numbers(2);
  Comparison comparison;
  comparison.sides = {side_of("pytorch/vision", "v0.14.1", "resnet50"),
                      side_of("huggingface/pytorch-image-models", "main", "resnet50d")};
  for (std::size_t i = 0; i < 24; ++i) {
    InputResult input;
    input.name = "photos/" + std::to_string(100 + i) + ".png";
    input.summary = "float32 [1, 3, 224, 224]";
    input.difference.emplace();
    input.difference->tensors = {tensor_of("", std::pow(10.0, -1 + 1.6 * numbers.uniform()), numbers)};
    input.difference->tensors[0].max_ulp.reset();
    input.preview = picture_of(i);
    input.label = static_cast<std::int64_t>(numbers.below(1000));
    for (std::size_t side = 0; side < 2; ++side)
      input.ranking.at(side) = ranking_of(numbers.uniform() < 0.7 + 0.25 * static_cast<double>(side)
                                              ? *input.label
                                              : static_cast<std::int64_t>(numbers.below(1000)),
                                          0.4 + 0.5 * numbers.uniform(), numbers);
    comparison.inputs.push_back(std::move(input));
  }
  ClassResult classes;
  classes.top1_agreement = proportion_of(15, 24);
  classes.topk_overlap = 0.61;
  classes.accuracy = {proportion_of(15, 24), proportion_of(23, 24)};
  classes.topk_accuracy = {proportion_of(20, 24), proportion_of(24, 24)};
  classes.only_a_right = 0;
  classes.only_b_right = 8;
  classes.accuracy_difference = Interval{0.333, 0.128, 0.526};
  classes.mcnemar_p = 0.0078;
  comparison.classes = classes;
  comparison.speed = speed_of(41e-3, 42e-3, numbers);
  comparison.trace.emplace().note = "the sides have no module of the same name";
  comparison.weights.emplace().note = "B's state dict has other names: nothing to compare";
  comparison.code.emplace().note = "the sides are of two repositories";
  comparison.command =
      "hubcell compare pytorch/vision@v0.14.1 huggingface/pytorch-image-models@main resnet50 --data photos";
  comparison.time = 1'795'751'400;
  comparison.machine = "AMD EPYC 7763, 2 CPUs, Linux 6.1";
  return comparison;
}

compare::Comparison equal_comparison() {
  Numbers numbers(3);
  Comparison comparison = speech_comparison();
  comparison.sides[1] = comparison.sides[0];
  comparison.sides[1].label = "v5.1.2";
  comparison.sides[1].name = "snakers4/silero-vad@v5.1.2";
  for (InputResult& input : comparison.inputs) {
    input.difference->tensors = {tensor_of("[0]", 0, numbers), tensor_of("[1]", 0, numbers)};
    input.ranking[1] = input.ranking[0];
  }
  comparison.classes.reset();
  comparison.trace.reset();
  for (WeightDifference& weight : comparison.weights->weights)
    weight = {.name = weight.name,
              .change = WeightChange::Equal,
              .dtype = {"float32", "float32"},
              .shape = {weight.shape[0], weight.shape[0]},
              .one_memory = true};
  comparison.weights->weights.pop_back();
  comparison.weights->parameters[1] = comparison.weights->parameters[0];
  comparison.weights->bytes[1] = comparison.weights->bytes[0];
  comparison.weights->common_bytes = comparison.weights->bytes[0];
  comparison.speed = speed_of(312e-6, 313e-6, numbers);
  comparison.code.reset();
  return comparison;
}

compare::Comparison close_comparison() {
  Numbers numbers(4);
  Comparison comparison = equal_comparison();
  for (std::size_t i = 0; i < comparison.inputs.size(); i += 3)
    comparison.inputs[i].difference->tensors[0] =
        tensor_of("[0]", 5.96e-8 * static_cast<double>(i % 2 + 1) * 0.8, numbers);
  return comparison;
}

compare::Comparison crashed_comparison() {
  Comparison comparison;
  comparison.sides = {side_of("acme/resnet", "v1", "resnet"), side_of("acme/resnet", "main", "resnet")};
  comparison.sides[1].info = {};
  comparison.sides[1].load_s.reset();
  comparison.sides[1].failure =
      "load acme/resnet@main: the worker was killed by signal 11 (segmentation fault) while it ran resnet(); "
      "its last words: 'illegal instruction in libfoo.so'";
  comparison.command = "hubcell compare acme/resnet@v1 acme/resnet@main resnet";
  comparison.time = 1'795'751'400;
  comparison.machine = "AMD EPYC 7763, 2 CPUs, Linux 6.1";
  return comparison;
}

compare::Comparison failing_comparison() {
  Comparison comparison = speech_comparison();
  for (const std::size_t i : {3U, 17U, 29U, 41U}) {
    comparison.inputs[i].failure[1] =
        "call of silero_vad: RuntimeError: The size of tensor a (512) must match the size of tensor b (256) "
        "at dimension 2";
    comparison.inputs[i].difference.reset();
    comparison.inputs[i].ranking[1].reset();
  }
  comparison.interrupted = true;
  comparison.speed.reset();
  comparison.code.reset();
  comparison.weights.reset();
  comparison.warnings = {"the sides have other versions of torch: a difference may be torch's own",
                         "input 12 was left out: 'speech/12.wav' holds no samples"};
  return comparison;
}

compare::Comparison structure_comparison() {
  Numbers numbers(5);
  Comparison comparison;
  comparison.sides = {side_of("acme/detector", "v1", "detect"), side_of("acme/detector", "v2", "detect")};
  for (std::size_t i = 0; i < 6; ++i) {
    InputResult input;
    input.name = "rand:1x3x64x64 seed " + std::to_string(i);
    input.difference.emplace();
    input.difference->tensors = {
        tensor_of("['scores']", i == 0 ? std::numeric_limits<double>::infinity() : 0.02, numbers),
        tensor_of("['out'][1]", 0, numbers)};
    input.difference->tensors[1].dtype[1] = "float16";
    input.difference->tensors[1].equal = false;
    input.difference->tensors[1].max_ulp.reset();
    if (i == 0) {
      input.difference->tensors[0].nan = {0, 12};
      input.difference->tensors[0].infinite = {0, 3};
      input.difference->tensors[0].worst_values[1] = std::nan("");
      input.difference->tensors[0].mean_abs = 0.003;
      input.difference->tensors[0].cosine = 0.97;
    }
    if (i > 3)
      input.difference->structure = {{"['boxes']", "a tensor float32 [1, 10, 4]", "a tuple of 2"},
                                     {"['masks']", "nothing", "a tensor uint8 [1, 64, 64]"}};
    comparison.inputs.push_back(std::move(input));
  }
  return comparison;
}

}  // namespace hubcell::test

// Two branches of hubcell/digits, a perceptron and a convolutional network, tell the same handwritten digits.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tools/examples/comparison.h"
#include "tools/examples/drawing.h"

namespace hubcell::demo {
namespace {

constexpr const char* kRepository = "hubcell/digits";
constexpr std::size_t kPixels = 64;
constexpr std::size_t kClasses = 10;
constexpr std::size_t kColumnWidth = 18;  // of a picture of 8 x 8 pixels, and a gap
const std::array<std::string, 2> kBranches = {"main", "cnn"};

struct Samples {
  std::vector<int> labels;
  std::vector<float> pixels;  // 0 to 16, kPixels for each label
};

// One line for each digit: what it is, then its pixels.
Samples read_samples(const std::string& path) {
  Samples samples;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream numbers(line);
    int number = 0;
    numbers >> number;
    samples.labels.push_back(number);
    while (numbers >> number)
      samples.pixels.push_back(static_cast<float>(number));
  }
  if (samples.labels.empty() || samples.pixels.size() != samples.labels.size() * kPixels) {
    throw Error(ErrorCode::Usage, "read " + path + ": expected a digit and its 64 pixels in each line");
  }
  return samples;
}

// Logits for each of the samples, the branches in turn. `order` is the order of loading, answers are in that
// of kBranches.
Answers classify(const Samples& samples, std::array<std::size_t, 2> order) {
  Hub hub = make_hub();
  std::vector<Object> models;
  for (const std::size_t branch : order) {
    models.emplace_back(load_model(hub, std::string(kRepository) + ":" + kBranches[branch], "digits"));
  }
  Answers answers;
  for (std::size_t begin = 0; begin < samples.pixels.size(); begin += kPixels) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      Tensor picture = Tensor::zeros(DType::Float32, {1, kPixels});
      copy_items(picture, samples.pixels.data() + begin, kPixels * sizeof(float));
      const Tensor logits = models[i]({picture}).tensor();
      const std::span<const float> items(logits.items<float>(), logits.count());
      std::ranges::copy(items, std::back_inserter(answers[order[i]].numbers));
    }
  }
  return answers;
}

// "main 7  98 %", as wide as it looks; green where it is right.
std::string describe_guess(const std::string& branch, const Answer& answer, std::size_t sample, int label) {
  const std::span<const float> logits = std::span(answer.numbers).subspan(sample * kClasses, kClasses);
  const auto best = std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits)
    sum += std::exp(static_cast<double>(logit - *best));
  const auto guess = static_cast<int>(best - logits.begin());
  const std::string text = format("%-4s %d %3.0f %%", branch.c_str(), guess, 100 / sum);
  return (guess == label ? green(text) : red(text)) + std::string(kColumnWidth - text.size(), ' ');
}

void draw_digits(const Samples& samples, const Answers& answers) {
  const std::size_t in_row = (drawing_columns() - 2) / kColumnWidth;
  for (std::size_t begin = 0; begin < samples.labels.size(); begin += in_row) {
    const std::size_t end = std::min(begin + in_row, samples.labels.size());
    std::vector<std::string> lines(8 + kBranches.size(), "  ");
    for (std::size_t sample = begin; sample < end; ++sample) {
      std::vector<float> brightness(
          samples.pixels.begin() + static_cast<std::ptrdiff_t>(sample * kPixels),
          samples.pixels.begin() + static_cast<std::ptrdiff_t>((sample + 1) * kPixels));
      for (float& pixel : brightness)
        pixel /= 16;
      const std::vector<std::string> rows = draw_picture(brightness, 8);
      for (std::size_t row = 0; row < rows.size(); ++row)
        lines[row] += rows[row] + "  ";
      for (std::size_t i = 0; i < kBranches.size(); ++i) {
        lines[8 + i] += describe_guess(kBranches[i], answers[i], sample, samples.labels[sample]);
      }
    }
    std::printf("\n");
    for (const std::string& line : lines)
      std::printf("%s\n", line.c_str());
  }
}

}  // namespace

bool show_digits(const Places& places) {
  const Samples samples = read_samples(places.examples + "/digits/samples.txt");
  std::printf(
      "%s %s and %s in one program, each in a sandboxed process of its own, tell %zu handwritten digits\n",
      kRepository, bold(kBranches[0]).c_str(), bold(kBranches[1]).c_str(), samples.labels.size());
  const Answers answers = classify(samples, {0, 1});
  draw_digits(samples, answers);
  const Comparison comparison{.kind = "digits",
                              .repository = "digits",
                              .versions = kBranches,
                              .noun = "logits",
                              .inputs = samples.pixels,
                              .answers = answers,
                              .answers_swapped = classify(samples, {1, 0})};
  return compare_with_torch_hub(comparison, places);
}

}  // namespace hubcell::demo

// Two versions of silero-vad hear the same words.
#include <cstdio>

#include "tools/examples/demo.h"
#include "tools/examples/drawing.h"
#include "tools/examples/speech.h"

namespace hubcell::demo {
namespace {

constexpr const char* kRepository = "snakers4/silero-vad";
const std::array<std::string, 2> kVersions = {"v5.1", "v6.0"};

// Spoken words, of the package alsa-utils: "front center", "side left", "rear center", "front right".
std::vector<float> read_words() {
  std::vector<std::string> paths;
  for (const char* name : {"Front_Center", "Side_Left", "Rear_Center", "Front_Right"}) {
    paths.push_back(std::string("/usr/share/sounds/alsa/") + name + ".wav");
  }
  return read_recordings(paths);
}

// In the order of loading.
std::vector<Detector> load_versions(Hub& hub, std::array<std::size_t, 2> order) {
  std::vector<Detector> detectors;
  for (const std::size_t version : order) {
    detectors.push_back(Detector::load(hub, std::string(kRepository) + ":" + kVersions[version]));
  }
  return detectors;
}

std::vector<Span> spans_of(const Answer& answer) {
  std::vector<Span> spans;
  for (const Segment& segment : answer.segments) {
    const auto seconds = [](std::int64_t samples) { return static_cast<double>(samples) / kSampleRate; };
    spans.push_back({seconds(segment.start), seconds(segment.end)});
  }
  return spans;
}

void draw_answers(const std::vector<Answer>& answers, double total_s) {
  constexpr std::size_t kIndent = 8;
  const std::size_t columns = drawing_columns() - kIndent - 2;
  std::printf(
      "\nProbability of speech, chunk by chunk; below it the segments that get_speech_timestamps finds\n\n");
  for (std::size_t i = 0; i < 2; ++i) {
    std::printf("  %s  %s\n", bold(kVersions[i]).c_str(), draw_levels(answers[i].numbers, columns).c_str());
    std::printf("        %s\n", draw_spans(spans_of(answers[i]), total_s, columns).c_str());
  }
  std::printf("        %s\n\n", draw_time_axis(total_s, columns).c_str());
}

// The second order of loading, in a session of its own.
Answers hear_swapped(const std::vector<float>& samples) {
  Hub hub = make_hub();
  const std::vector<Answer> answers = hear(load_versions(hub, {1, 0}), samples);
  return {answers[1], answers[0]};
}

}  // namespace

bool show_speech(const Places& places) {
  const std::vector<float> samples = read_words();
  const double total_s = static_cast<double>(samples.size()) / kSampleRate;
  std::printf("%s %s and %s in one program, each in a sandboxed process of its own, hear %.1f s of speech\n",
              kRepository, bold(kVersions[0]).c_str(), bold(kVersions[1]).c_str(), total_s);

  Hub hub = make_hub();
  const std::vector<Detector> detectors = load_versions(hub, {0, 1});
  const std::vector<Answer> answers = hear(detectors, samples);
  draw_answers(answers, total_s);
  for (std::size_t i = 0; i < 2; ++i) {
    std::printf("  %s  commit %.7s, loaded in %.2f s, a call takes %.0f us (median)\n",
                bold(kVersions[i]).c_str(), detectors[i].commit().c_str(), detectors[i].load_s(),
                detectors[i].median_call(samples).count());
    std::printf("        %s\n", faint(describe_spans(spans_of(answers[i]))).c_str());
  }

  const Comparison comparison{.kind = "silero",
                              .repository = "silero-vad",
                              .versions = kVersions,
                              .noun = "probabilities",
                              .inputs = samples,
                              .answers = {answers[0], answers[1]},
                              .answers_swapped = hear_swapped(samples)};
  return compare_with_torch_hub(comparison, places);
}

}  // namespace hubcell::demo

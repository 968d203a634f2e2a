// silero-vad through hubcell: what two versions of it say about one recording, both alive at once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tools/examples/comparison.h"

namespace hubcell::demo {

inline constexpr std::int64_t kSampleRate = 16000;
inline constexpr std::size_t kChunkSamples = 512;  // what silero-vad takes at 16 kHz
// Longer speech is cut; how is what the versions' code differs in. As in torch_hub_alone.py.
inline constexpr double kSegmentSecondsMax = 1.0;

// Recordings of 48 kHz 16-bit mono .wav behind each other, as mono float samples at 16 kHz (every third one),
// -1 to 1, with silence behind so that they are whole chunks. Throws Error(Usage).
std::vector<float> read_recordings(const std::vector<std::string>& paths);

// A version that is loaded: the entrypoint returns (model, (get_speech_timestamps, ...)).
class Detector {
 public:
  // `repository` with its ref.
  static Detector load(Hub& hub, const std::string& repository);

  double load_s() const { return load_s_; }
  std::string commit() const { return model_.info().commit; }
  // Probability of speech; the model keeps state between chunks.
  float hear_chunk(const float* samples) const;
  void reset() const { model_.call("reset_states"); }
  // By the repository's own function, which takes the model back as an argument.
  std::vector<Segment> find_segments(const std::vector<float>& samples) const;
  // Of one call with one chunk.
  std::chrono::duration<double, std::micro> median_call(const std::vector<float>& samples) const;

 private:
  Detector(Object model, Object get_speech_timestamps, double load_s)
      : model_(std::move(model)), get_speech_timestamps_(std::move(get_speech_timestamps)), load_s_(load_s) {}

  Object model_;
  Object get_speech_timestamps_;
  double load_s_;
};

// Lets the detectors hear chunk after chunk in turn; one answer each, probabilities and segments.
std::vector<Answer> hear(const std::vector<Detector>& detectors, const std::vector<float>& samples);

}  // namespace hubcell::demo

#include "tools/examples/speech.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace hubcell::demo {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kTimedCalls = 501;

Tensor tensor_of(const float* samples, std::size_t count) {
  Tensor tensor = Tensor::zeros(DType::Float32, {static_cast<std::int64_t>(count)});
  copy_items(tensor, samples, count * sizeof(float));
  return tensor;
}

std::uint32_t little_endian(const std::string& bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = count; i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

[[noreturn]] void throw_wrong_recording(const std::string& path) {
  throw Error(
      ErrorCode::Usage,
      "read " + path + ": the demo takes a .wav of 16-bit mono samples at 48 kHz; install alsa-utils");
}

// The bytes of the chunk `name` of a RIFF file.
std::string riff_chunk(const std::string& file, const char* name, const std::string& path) {
  if (file.size() < 12 || file.compare(0, 4, "RIFF") != 0) throw_wrong_recording(path);
  for (std::size_t at = 12; at + 8 <= file.size();) {
    const std::size_t bytes = little_endian(file, at + 4, 4);
    if (file.compare(at, 4, name) == 0) return file.substr(at + 8, bytes);
    at += 8 + bytes + bytes % 2;
  }
  throw_wrong_recording(path);
}

void append_recording(const std::string& path, std::vector<float>& samples) {
  std::ifstream stream(path, std::ios::binary);
  const std::string file(std::istreambuf_iterator<char>(stream), {});
  const std::string format = riff_chunk(file, "fmt ", path);
  const bool fits = format.size() >= 16 && little_endian(format, 0, 2) == 1 &&
                    little_endian(format, 2, 2) == 1 && little_endian(format, 4, 4) == 3 * kSampleRate &&
                    little_endian(format, 14, 2) == 16;
  if (!fits) throw_wrong_recording(path);
  const std::string data = riff_chunk(file, "data", path);
  for (std::size_t at = 0; at + 2 <= data.size(); at += 3 * 2) {
    const auto sample = static_cast<std::int16_t>(little_endian(data, at, 2));
    samples.push_back(static_cast<float>(sample) / 32768.0F);
  }
}

}  // namespace

std::vector<float> read_recordings(const std::vector<std::string>& paths) {
  std::vector<float> samples;
  for (const std::string& path : paths)
    append_recording(path, samples);
  samples.resize((samples.size() + kChunkSamples - 1) / kChunkSamples * kChunkSamples);
  return samples;
}

Detector Detector::load(Hub& hub, const std::string& repository) {
  const auto start = Clock::now();
  const Value loaded = load_model(hub, repository, "silero_vad");
  const double load_s = std::chrono::duration<double>(Clock::now() - start).count();
  return Detector(loaded[0], loaded[1][0], load_s);
}

float Detector::hear_chunk(const float* samples) const {
  return model_({tensor_of(samples, kChunkSamples), kSampleRate}).tensor().items<float>()[0];
}

std::vector<Segment> Detector::find_segments(const std::vector<float>& samples) const {
  const Value found =
      get_speech_timestamps_({tensor_of(samples.data(), samples.size()), model_},
                             {{"sampling_rate", kSampleRate}, {"max_speech_duration_s", kSegmentSecondsMax}});
  std::vector<Segment> segments;
  for (const Value& segment : found.as<List>().items) {
    const Value* start = segment.find("start");
    const Value* end = segment.find("end");
    if (start == nullptr || end == nullptr) {
      throw Error(ErrorCode::Usage,
                  "read the segments: get_speech_timestamps answered " + segment.describe());
    }
    segments.push_back({start->integer(), end->integer()});
  }
  return segments;
}

std::chrono::duration<double, std::micro> Detector::median_call(const std::vector<float>& samples) const {
  std::vector<Clock::duration> times;
  for (int i = 0; i < kTimedCalls; ++i) {
    const auto start = Clock::now();
    hear_chunk(samples.data());
    times.push_back(Clock::now() - start);
  }
  std::nth_element(times.begin(), times.begin() + kTimedCalls / 2, times.end());
  return times[kTimedCalls / 2];
}

std::vector<Answer> hear(const std::vector<Detector>& detectors, const std::vector<float>& samples) {
  std::vector<Answer> answers(detectors.size());
  for (const Detector& detector : detectors)
    detector.reset();
  for (std::size_t begin = 0; begin + kChunkSamples <= samples.size(); begin += kChunkSamples) {
    for (std::size_t i = 0; i < detectors.size(); ++i) {
      answers[i].numbers.push_back(detectors[i].hear_chunk(samples.data() + begin));
    }
  }
  for (std::size_t i = 0; i < detectors.size(); ++i)
    answers[i].segments = detectors[i].find_segments(samples);
  return answers;
}

}  // namespace hubcell::demo

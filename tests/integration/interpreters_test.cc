// One program with workers of several interpreters and versions of torch: each answers as it does alone, which is to
// say, as plain torch.hub does in a process of that interpreter.
#include <gtest/gtest.h>
#include <hubcell/hub.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "tests/support/error_of.h"
#include "tests/support/interpreters.h"
#include "tests/support/temporary_folder.h"

namespace hubcell {
namespace {

namespace fs = std::filesystem;
using tests::Interpreter;

constexpr std::size_t kPixels = 64;
constexpr std::size_t kChunkSamples = 512;

// One model of the program: by whom it runs, where it comes from, and what it is fed.
struct Holding {
  std::string python;
  std::string repository;  // with its ref
  std::string folder;      // the same code as a plain folder
  std::string kind;        // of torch_hub_alone.py

  std::string label() const { return repository + " on " + python; }
};

// As torch_hub_alone.py shows float32 numbers.
std::string bits_of(std::span<const float> numbers) {
  std::string text;
  for (const float number : numbers) {
    char hex[16];
    std::snprintf(hex, sizeof(hex), "\"%08x\"", std::bit_cast<unsigned>(number));
    text += (text.empty() ? "" : ", ") + std::string(hex);
  }
  return text;
}

Tensor row(std::span<const float> numbers, std::vector<std::int64_t> shape) {
  Tensor tensor = Tensor::zeros(DType::Float32, std::move(shape));
  std::memcpy(tensor.data(), numbers.data(), numbers.size_bytes());
  return tensor;
}

// Three pictures of 8x8 pixels from 0 to 16.
std::vector<float> pictures() {
  std::vector<float> pixels;
  for (std::size_t i = 0; i < 3 * kPixels; ++i)
    pixels.push_back(static_cast<float>(i * 7 % 17));
  return pixels;
}

// 1.5 seconds at 16 kHz that swell and fade a little like a voice.
std::vector<float> sounds() {
  std::vector<float> samples;
  for (std::size_t i = 0; i < 48 * kChunkSamples; ++i) {
    const double t = static_cast<double>(i) / 16000;
    const double voice = std::sin(2 * M_PI * 140 * t) + std::sin(2 * M_PI * 700 * t) / 2;
    samples.push_back(static_cast<float>(voice * std::sin(2 * M_PI * 3 * t) / 2));
  }
  return samples;
}

// A loaded model, fed part by part, so that models take turns.
class Held {
 public:
  Held(Hub& hub, const Holding& holding)
      : is_digits_(holding.kind == "digits"),
        part_floats_(is_digits_ ? kPixels : kChunkSamples),
        inputs_(is_digits_ ? pictures() : sounds()),
        model_(load(hub, holding)) {
    if (!is_digits_) model_.call("reset_states");
  }

  // False when all parts were answered.
  bool answer_next_part() {
    if (done_ == inputs_.size()) return false;
    const std::span<const float> part = std::span(inputs_).subspan(done_, part_floats_);
    done_ += part_floats_;
    const Value answer =
        is_digits_ ? model_({row(part, {1, kPixels})}) : model_({row(part, {kChunkSamples}), 16000});
    const Tensor& numbers = answer.tensor();
    answers_.insert(answers_.end(), numbers.items<float>(), numbers.items<float>() + numbers.count());
    return true;
  }

  std::string bits() const { return bits_of(answers_); }

 private:
  static Object load(Hub& hub, const Holding& holding) {
    return holding.kind == "digits" ? hub.load(holding.repository, "digits")
                                    : hub.load(holding.repository, "silero_vad")[0];
  }

  bool is_digits_;
  std::size_t part_floats_;
  std::vector<float> inputs_;
  std::size_t done_ = 0;
  std::vector<float> answers_;
  Object model_;
};

class InterpretersTest : public testing::Test {
 protected:
  InterpretersTest() {
    tests::output_of(tests::quoted(HUBCELL_EXAMPLES "/make_digits_repository") + " " +
                     tests::quoted(folder_.path()) + " 2>&1");
    ::setenv("TORCH_HOME", (folder_.path() / "torch").c_str(), 1);
  }

  std::vector<Holding> digits_on(const std::string& python) const {
    std::vector<Holding> holdings;
    for (const char* branch : {"main", "cnn"}) {
      holdings.push_back(
          {.python = python,
           .repository = "file://" + (folder_.path() / "github/hubcell/digits.git").string() + "@" + branch,
           .folder = folder_.path() / "alone/digits" / branch,
           .kind = "digits"});
    }
    return holdings;
  }

  static std::vector<Holding> silero_on(const std::string& python) {
    const fs::path models = HUBCELL_TEST_MODELS;
    std::vector<Holding> holdings;
    for (const char* tag : {"v5.1", "v6.0"}) {
      holdings.push_back(
          {.python = python,
           .repository = "file://" + (models / "github/snakers4/silero-vad.git").string() + "@" + tag,
           .folder = models / "alone/silero-vad" / tag,
           .kind = "silero"});
    }
    return holdings;
  }

  std::string alone(const Holding& holding) const {
    const std::vector<float> inputs = holding.kind == "digits" ? pictures() : sounds();
    const fs::path file = folder_.path() / "inputs.f32";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(inputs.data()),
               static_cast<std::streamsize>(inputs.size() * sizeof(float)));
    return tests::output_of(tests::python_command(holding.python) + HUBCELL_EXAMPLES "/torch_hub_alone.py " +
                            holding.kind + " " + tests::quoted(file) + " " + tests::quoted(holding.folder));
  }

  // All are loaded before the first is called, and then take turns.
  void expect_each_as_alone(const std::vector<Holding>& holdings) const {
    std::map<std::string, Hub> hubs;
    std::vector<std::unique_ptr<Held>> held;
    for (const Holding& holding : holdings) {
      Hub& hub = hubs.try_emplace(holding.python, HubOptions{.python = holding.python}).first->second;
      held.push_back(std::make_unique<Held>(hub, holding));
    }
    for (bool more = true; more;) {
      more = false;
      for (const auto& model : held)
        more = model->answer_next_part() || more;
    }
    for (std::size_t i = 0; i < held.size(); ++i) {
      EXPECT_NE(alone(holdings[i]).find("\"numbers\": [" + held[i]->bits() + "]"), std::string::npos)
          << holdings[i].label() << " answers " << held[i]->bits() << "\nalone: " << alone(holdings[i]);
      EXPECT_FALSE(held[i]->bits().empty());
    }
  }

  tests::TemporaryFolder folder_;
};

void append(std::vector<Holding>& list, const std::vector<Holding>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

// Interpreters with torch that are not of Debian's own version of Python.
std::vector<std::string> other_pythons_with_torch() {
  const std::vector<Interpreter> all = tests::find_interpreters();
  std::vector<std::string> others;
  for (const Interpreter& interpreter : all) {
    if (interpreter.is_supported() && interpreter.has_torch && interpreter.minor != all.front().minor)
      others.push_back(interpreter.path);
  }
  return others;
}

TEST_F(InterpretersTest, TwoBranchesOnTwoVersionsOfTorchAnswerAsAlone) {
  const std::string torch2 = tests::second_torch_python();
  if (torch2.empty())
    GTEST_SKIP() << "no second torch: run tools/test_environments, or set HUBCELL_TEST_TORCH2_PYTHON";
  std::vector<Holding> holdings = digits_on(tests::kDebianPython);
  append(holdings, digits_on(torch2));
  expect_each_as_alone(holdings);
}

TEST_F(InterpretersTest, TwoBranchesOnTwoVersionsOfPythonAnswerAsAlone) {
  const std::vector<std::string> others = other_pythons_with_torch();
  if (others.empty())
    GTEST_SKIP() << "no second version of CPython with torch: HUBCELL_TEST_PYTHONS=PATH:PATH names some";
  std::vector<Holding> holdings = digits_on(tests::kDebianPython);
  for (const std::string& python : others)
    append(holdings, digits_on(python));
  expect_each_as_alone(holdings);
}

TEST_F(InterpretersTest, TwoVersionsOfARealModelBesideEveryInterpreterAnswerAsAlone) {
  std::vector<Holding> holdings = silero_on(tests::kDebianPython);
  if (!fs::is_directory(holdings[0].folder))
    GTEST_SKIP() << "no silero-vad: tools/test_environments fetches it with pip";
  if (const std::string torch2 = tests::second_torch_python(); !torch2.empty())
    append(holdings, digits_on(torch2));
  for (const std::string& python : other_pythons_with_torch())
    append(holdings, digits_on(python));
  expect_each_as_alone(holdings);
}

TEST_F(InterpretersTest, EachHubSaysWhichInterpreterItsWorkersRun) {
  const std::string torch2 = tests::second_torch_python();
  if (torch2.empty())
    GTEST_SKIP() << "no second torch: run tools/test_environments, or set HUBCELL_TEST_TORCH2_PYTHON";
  Hub first({.python = tests::kDebianPython});
  Hub second({.python = torch2});
  const auto version_alone = [](const std::string& python) {
    return tests::output_of(tests::python_command(python) +
                            "-c 'import torch; print(torch.__version__, end=\"\")'");
  };
  const std::string repository = digits_on("")[0].repository;
  EXPECT_EQ(first.info(repository).torch, version_alone(tests::kDebianPython));
  EXPECT_EQ(second.info(repository).torch, version_alone(torch2));
}

// That an interpreter misses torch is found out by our extension, which it has loaded by then.
TEST_F(InterpretersTest, OneBuildOfTheExtensionLoadsInEveryCPython) {
  std::vector<Interpreter> tried;
  for (const Interpreter& interpreter : tests::find_interpreters()) {
    if (!interpreter.is_supported() || interpreter.path == tests::kDebianPython) continue;
    tried.push_back(interpreter);
    Hub hub({.python = interpreter.path});
    if (interpreter.has_torch) {
      EXPECT_TRUE(hub.diagnose().python.starts_with(std::to_string(interpreter.major) + "." +
                                                    std::to_string(interpreter.minor) + "."));
    } else {
      const std::string line = tests::error_of([&] { hub.diagnose(); }).what();
      EXPECT_NE(line.find(interpreter.path + ": it cannot import torch (No module named 'torch')"),
                std::string::npos)
          << line;
    }
  }
  if (tried.empty()) GTEST_SKIP() << "no CPython beside Debian's: HUBCELL_TEST_PYTHONS=PATH:PATH names some";
}

}  // namespace
}  // namespace hubcell

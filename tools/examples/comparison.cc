#include "tools/examples/comparison.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <future>

#include "tools/examples/drawing.h"
#include "tools/examples/torch_hub.h"

namespace hubcell::demo {
namespace {

// What torch.hub said in its four processes. The versions of `in_one` are in the order of loading.
struct TorchHub {
  Answers alone;
  std::array<std::vector<Answer>, 2> in_one;  // versions[0] first, versions[1] first
};

TorchHub ask_all(const Comparison& comparison, const Places& places) {
  const std::string script = places.examples + "/torch_hub_alone.py";
  std::array<std::string, 2> folders;
  for (std::size_t i = 0; i < 2; ++i) {
    folders[i] = places.alone + "/" + comparison.repository + "/" + comparison.versions[i];
  }
  const auto ask = [&](std::vector<std::string> order) {
    return std::async(std::launch::async, [&script, &comparison, order = std::move(order)] {
      return ask_torch_hub(script, comparison.kind, comparison.inputs, order);
    });
  };
  auto first = ask({folders[0]});
  auto second = ask({folders[1]});
  auto both = ask({folders[0], folders[1]});
  auto both_swapped = ask({folders[1], folders[0]});
  return {.alone = {first.get().at(0), second.get().at(0)}, .in_one = {both.get(), both_swapped.get()}};
}

bool is_same_bits(float x, float y) {
  return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
}

bool are_equal_bits(const Answer& a, const Answer& b) {
  return !a.numbers.empty() && std::ranges::equal(a.numbers, b.numbers, is_same_bits) &&
         a.segments == b.segments;
}

// How the second of two versions in one torch.hub process differs from itself alone.
std::string describe_wrong(const Answer& answer, const Answer& alone, const Answer& other_alone,
                           const std::string& other) {
  if (are_equal_bits(answer, other_alone)) return "its answers are those of " + other;
  if (answer.segments.size() != alone.segments.size()) {
    return format("it finds %zu segments, and alone %zu", answer.segments.size(), alone.segments.size());
  }
  return answer.segments != alone.segments ? "it finds other segments than alone"
                                           : "its numbers are not those of alone";
}

void tell_one_process(const Comparison& comparison, const TorchHub& torch_hub, std::size_t first) {
  const std::string& first_name = comparison.versions[first];
  const std::string& second_name = comparison.versions[1 - first];
  const Answer& answer = torch_hub.in_one[first].at(1);
  const Answer& alone = torch_hub.alone[1 - first];
  const bool has_others_code = answer.code == torch_hub.alone[first].code;
  std::string text =
      second_name + (has_others_code ? " runs " + first_name + "'s code" : " runs its own code");
  if (are_equal_bits(answer, alone)) {
    text += ", and answers as alone";
  } else {
    text = red(text + ": " + describe_wrong(answer, alone, torch_hub.alone[first], first_name) +
               ", without an error");
  }
  std::printf("  %s, then %s:  %s\n", first_name.c_str(), second_name.c_str(), text.c_str());
  // The proof: where Python says that the second version's code is.
  if (has_others_code) std::printf("      %s\n", faint(answer.code).c_str());
}

// "number 17 is 0.51 and alone 0.52": the first difference.
std::string describe_difference(const Answer& answer, const Answer& alone) {
  if (answer.numbers.size() != alone.numbers.size()) {
    return format("%zu numbers, and alone %zu", answer.numbers.size(), alone.numbers.size());
  }
  for (std::size_t i = 0; i < answer.numbers.size(); ++i) {
    if (is_same_bits(answer.numbers[i], alone.numbers[i])) continue;
    return format("number %zu is %.9g, and alone %.9g", i, static_cast<double>(answer.numbers[i]),
                  static_cast<double>(alone.numbers[i]));
  }
  return "the segments differ";
}

bool tell_equality(const Comparison& comparison, const TorchHub& torch_hub, std::size_t version) {
  const Answer& alone = torch_hub.alone[version];
  for (const auto* answers : {&comparison.answers, &comparison.answers_swapped}) {
    const Answer& answer = (*answers)[version];
    if (are_equal_bits(answer, alone)) continue;
    const std::size_t first = answers == &comparison.answers ? 0 : 1;
    std::fprintf(stderr, "hubcell-demo: %s differs from its answer alone (%s was loaded first): %s\n",
                 comparison.versions[version].c_str(), comparison.versions[first].c_str(),
                 describe_difference(answer, alone).c_str());
    return false;
  }
  const std::string segments = alone.segments.empty() ? "" : format(", %zu segments", alone.segments.size());
  std::printf("%s: %s (%zu %s%s, both load orders)\n", bold(comparison.versions[version]).c_str(),
              green("equals its answer alone, bit for bit").c_str(), alone.numbers.size(),
              comparison.noun.c_str(), segments.c_str());
  return true;
}

}  // namespace

bool compare_with_torch_hub(const Comparison& comparison, const Places& places) {
  const TorchHub torch_hub = ask_all(comparison, places);
  std::printf("\nPlain torch.hub with both in one process:\n");
  tell_one_process(comparison, torch_hub, 0);
  tell_one_process(comparison, torch_hub, 1);
  std::printf("\nhubcell with both in one program:\n");
  bool all_equal = true;
  for (std::size_t version = 0; version < 2; ++version) {
    all_equal = tell_equality(comparison, torch_hub, version) && all_equal;
  }
  return all_equal;
}

}  // namespace hubcell::demo

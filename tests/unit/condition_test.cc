#include "tools/compare/numbers/condition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include <hubcell/error.h>

#include "tools/compare/numbers/figures.h"

namespace hubcell::compare {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::optional<double> look_up(std::string_view name) {
  static const std::map<std::string_view, double> kValues{
      {"max_abs", 0.5},       {"mean_abs", 0.25}, {"equal", 0},      {"within", 1},
      {"latency_ratio", 1.2}, {"inputs", 8},      {"failures_a", 0}, {"max_rel", kInfinity}};
  const auto found = kValues.find(name);
  return found == kValues.end() ? std::nullopt : std::optional(found->second);
}

bool holds(const std::string& text) {
  return parse_condition(text).evaluate(look_up);
}

// The message of the error, or "".
std::string error_of(const std::string& text) {
  try {
    parse_condition(text).evaluate(look_up);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    return error.what();
  }
}

TEST(Condition, ComparesFiguresWithNumbers) {
  EXPECT_TRUE(holds("max_abs > 1e-5"));
  EXPECT_FALSE(holds("max_abs > .5"));
  EXPECT_TRUE(holds("max_abs >= 0.5"));
  EXPECT_TRUE(holds("0.6 > max_abs"));
  EXPECT_FALSE(holds("max_abs < 5e-1"));
  EXPECT_TRUE(holds("max_abs <= 0.5"));
  EXPECT_TRUE(holds("max_abs == 0.5"));
  EXPECT_TRUE(holds("inputs != 7"));
  EXPECT_TRUE(holds("max_rel > 1e300"));
}

TEST(Condition, WhatIsNotZeroHolds) {
  EXPECT_TRUE(holds("not equal"));
  EXPECT_TRUE(holds("within"));
  EXPECT_FALSE(holds("failures_a"));
  EXPECT_TRUE(holds("not not max_abs"));
}

TEST(Condition, BindsAsInPython) {
  EXPECT_TRUE(holds("within or equal and equal"));  // within or (equal and equal)
  EXPECT_FALSE(holds("(within or equal) and equal"));
  EXPECT_FALSE(holds("not equal and equal"));  // (not equal) and equal
  EXPECT_TRUE(holds("not (equal and equal)"));
  EXPECT_TRUE(holds("not max_abs > 1"));  // not (max_abs > 1)
  EXPECT_TRUE(holds("1 + 2 * 3 == 7"));
  EXPECT_TRUE(holds("8 - 2 - 1 == 5"));
  EXPECT_TRUE(holds("8 / 2 / 2 == 2"));
  EXPECT_TRUE(holds("-2 * -3 == 6"));
  EXPECT_TRUE(holds("2 - -1 == 3"));
  EXPECT_TRUE(holds("- - 2 == 2"));
  EXPECT_TRUE(holds("-1 + 2 == 1"));
  EXPECT_TRUE(holds("(1 + 2) * 3 == 9"));
  EXPECT_TRUE(holds("abs(mean_abs - max_abs) * 2 == max_abs"));
  EXPECT_TRUE(holds("max_abs > 1 or\n\tlatency_ratio > 1.1"));
}

TEST(Condition, WhatIsNotNeededNeedNotBeMeasured) {
  EXPECT_TRUE(holds("within or accuracy_a > 1"));
  EXPECT_FALSE(holds("equal and accuracy_a > 1"));
  EXPECT_EQ(error_of("accuracy_a > 1 or within"),
            "--fail-if 'accuracy_a > 1 or within': at character 1: accuracy_a was not measured: it needs "
            "labels of the inputs");
}

TEST(Condition, WhatIsNotANumberIsAnErrorAndNotAnAnswer) {
  EXPECT_EQ(error_of("equal / equal > 1"),
            "--fail-if 'equal / equal > 1': at character 7: this is not a number (as 0 / 0 is none)");
  EXPECT_NE(error_of("not (max_rel - max_rel)"), "");
  EXPECT_EQ(error_of("1 / equal > 1"), "");
  const Condition condition = parse_condition("not cosine");
  EXPECT_THROW(condition.evaluate([](std::string_view) { return kNan; }), Error);
}

TEST(Condition, NamesAreListedOnce) {
  EXPECT_EQ(parse_condition("max_abs > 1 or max_abs > 2 and -equal").names(),
            (std::vector<std::string>{"max_abs", "equal"}));
  EXPECT_EQ(parse_condition("max_abs>1").text(), "max_abs>1");
}

TEST(Condition, ErrorsPointAtThePlace) {
  EXPECT_EQ(error_of("max_abs >> 1"),
            "--fail-if 'max_abs >> 1': at character 10: expected a number or a name, found '>'");
  EXPECT_EQ(error_of(""), "--fail-if '': at character 1: expected a number or a name, found the end");
  EXPECT_EQ(error_of("max_abs >"),
            "--fail-if 'max_abs >': at character 10: expected a number or a name, found the end");
  EXPECT_EQ(error_of("(max_abs > 1"),
            "--fail-if '(max_abs > 1': at character 13: expected ')' or an operator, found the end");
  EXPECT_EQ(error_of("max_abs > 1)"),
            "--fail-if 'max_abs > 1)': at character 12: expected an operator or the end, found ')'");
  EXPECT_EQ(error_of("max_abs 1"),
            "--fail-if 'max_abs 1': at character 9: expected an operator or the end, found '1'");
  EXPECT_EQ(error_of("max_abs = 1"),
            "--fail-if 'max_abs = 1': at character 9: '=' is no operator; '==' compares");
  EXPECT_EQ(error_of("equal && within"),
            "--fail-if 'equal && within': at character 7: expected one of and, or, not in words");
  EXPECT_EQ(error_of("0 < max_abs < 1"),
            "--fail-if '0 < max_abs < 1': at character 13: comparisons do not chain; join two with 'and'");
  EXPECT_EQ(error_of("abs max_abs"),
            "--fail-if 'abs max_abs': at character 5: expected '(' after abs, found 'max_abs'");
  EXPECT_EQ(error_of("and 1"), "--fail-if 'and 1': at character 1: expected a number or a name, found 'and'");
  EXPECT_EQ(error_of("1e999 > 0"),
            "--fail-if '1e999 > 0': at character 1: the number is too large or too small");
  EXPECT_EQ(error_of(". > 0"), "--fail-if '. > 0': at character 1: expected a number");
  EXPECT_EQ(error_of("max_abs\u2265 \u20ac"),
            "--fail-if 'max_abs\u2265 \u20ac': at character 8: expected a number, a name or an operator");
}

TEST(Condition, UnknownNamesGetTheNearestOneAndTheList) {
  const std::string message = error_of("1 > max_ab");
  EXPECT_TRUE(message.starts_with(
      "--fail-if '1 > max_ab': at character 5: no figure is called 'max_ab' (did you mean 'max_abs'?); "
      "there are max_abs, mean_abs, "))
      << message;
  EXPECT_TRUE(message.ends_with(", lines_removed")) << message;
  EXPECT_EQ(error_of("frobnication > 1").find("did you mean"), std::string::npos);
}

TEST(Condition, NestingAndLengthAreBounded) {
  EXPECT_NE(error_of(std::string(4000, '(')).find("at character 66: it nests more than 64 deep"),
            std::string::npos);
  EXPECT_NE(error_of(std::string(4000, '-') + "1").find("deep"), std::string::npos);
  std::string nots, sums = "1";
  for (int i = 0; i < 500; ++i) {
    nots += "not ";
    sums += "+1";
  }
  EXPECT_NE(error_of(nots + "1").find("deep"), std::string::npos);
  EXPECT_TRUE(holds(sums + "==501"));
  EXPECT_TRUE(holds(std::string(64, '(') + "1" + std::string(64, ')')));
  EXPECT_NE(error_of(std::string(5000, '1')).find("it is longer than 4096 bytes"), std::string::npos);
}

// Any text is a condition or an error of one line.
TEST(Condition, AnyTextIsReadOrRefused) {
  const std::vector<std::string> pieces{"max_abs",
                                        "equal",
                                        "accuracy_a",
                                        "and",
                                        "or",
                                        "not",
                                        "abs",
                                        "(",
                                        ")",
                                        "<",
                                        "<=",
                                        "==",
                                        "!=",
                                        "+",
                                        "-",
                                        "*",
                                        "/",
                                        "1",
                                        ".5",
                                        "1e-5",
                                        "1e",
                                        "..",
                                        " ",
                                        "=",
                                        "!",
                                        "x",
                                        "\xff",
                                        "\n",
                                        std::string(1, '\0')};
  std::mt19937 random(1);
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left)
      text += pieces[random() % pieces.size()] + (random() % 2 != 0 ? " " : "");
    const std::string error = error_of(text);
    EXPECT_EQ(error.find('\n'), std::string::npos) << text;
    read += error.empty() ? 1 : 0;
  }
  EXPECT_GT(read, 100);
}

// ---- figures

std::optional<double> figure(const Comparison& comparison, std::string_view name) {
  for (const Figure& one : figures_of(comparison))
    if (one.name == name) return one.value;
  ADD_FAILURE() << "no figure " << name;
  return std::nullopt;
}

TEST(Figures, HaveNamesOfTheirOwnThatConditionsCanSay) {
  std::set<std::string_view> names;
  for (const FigureInfo& info : figure_infos()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_EQ(parse_condition(std::string(info.name)).names(),
              std::vector<std::string>{std::string(info.name)});
  }
}

TEST(Figures, WhatWasNotMeasuredHasNoValue) {
  const std::set<std::string_view> counts{"failures_a", "failures_b", "inputs"};
  for (const Figure& one : figures_of(Comparison{})) {
    EXPECT_EQ(one.value.has_value(), counts.contains(one.name)) << one.name;
    EXPECT_EQ(one.needs.empty(), counts.contains(one.name)) << one.name;
  }
}

TensorDifference tensor(std::uint64_t finite, double mean, double most) {
  TensorDifference made;
  made.count = finite + 1;
  made.finite = finite;
  made.mean_abs = mean;
  made.max_abs = most;
  made.outside = 1;
  made.nan = {1, 0};
  return made;
}

TEST(Figures, OfAnswersAreThoseOfAllElements) {
  Comparison comparison;
  comparison.inputs.resize(3);
  comparison.inputs[0].difference = ValueDifference{.structure = {}, .tensors = {tensor(1, 4, 4)}};
  comparison.inputs[1].difference = ValueDifference{.structure = {}, .tensors = {tensor(3, 0, 0)}};
  comparison.inputs[1].difference->tensors[0].cosine = 0.5;
  comparison.inputs[1].difference->tensors[0].max_ulp = 3;
  comparison.inputs[2].failure[1] = "it failed";
  EXPECT_EQ(figure(comparison, "max_abs"), 4);
  EXPECT_EQ(figure(comparison, "mean_abs"), 1);
  EXPECT_EQ(figure(comparison, "outside"), 2.0 / 6);
  EXPECT_EQ(figure(comparison, "nan_a"), 2);
  EXPECT_EQ(figure(comparison, "nan_b"), 0);
  EXPECT_EQ(figure(comparison, "cosine"), 0.5);
  EXPECT_EQ(figure(comparison, "max_ulp"), 3);
  EXPECT_EQ(figure(comparison, "inputs"), 3);
  EXPECT_EQ(figure(comparison, "failures_a"), 0);
  EXPECT_EQ(figure(comparison, "failures_b"), 1);
  EXPECT_EQ(figure(comparison, "equal"), 0);
  EXPECT_EQ(figure(comparison, "same_structure"), 1);
  comparison.inputs[0].difference->structure.push_back({"", "a str", "None"});
  EXPECT_EQ(figure(comparison, "same_structure"), 0);
  EXPECT_EQ(figure(comparison, "max_abs"), kInfinity);
  EXPECT_EQ(figure(comparison, "max_rel"), kInfinity);
}

TEST(Figures, OfSpeedLoadMemoryWeightsAndCodeComeFromTheirParts) {
  Comparison comparison;
  comparison.sides[0].load_s = 2;
  comparison.sides[1].load_s = 3;
  comparison.sides[0].info.private_bytes = 100;
  comparison.speed = SpeedResult{};
  comparison.speed->rounds = 6;
  comparison.speed->ratio = {.estimate = 1.1, .low = 1.05, .high = 1.2};
  comparison.speed->latency[1].samples = {1};
  comparison.speed->latency[1].p90.estimate = 7;
  comparison.weights = WeightsResult{};
  for (const WeightChange change :
       {WeightChange::Equal, WeightChange::Changed, WeightChange::Reshaped, WeightChange::OnlyB}) {
    comparison.weights->weights.emplace_back();
    comparison.weights->weights.back().change = change;
  }
  comparison.weights->parameters = {5, 6};
  comparison.code = CodeResult{};
  comparison.code->only_a = 1;
  comparison.code->only_b = 4;
  comparison.code->lines_added = 20;
  EXPECT_EQ(figure(comparison, "load_ratio"), 1.5);
  EXPECT_EQ(figure(comparison, "memory_a"), 100);
  EXPECT_EQ(figure(comparison, "memory_b"), std::nullopt);
  EXPECT_EQ(figure(comparison, "memory_ratio"), std::nullopt);
  EXPECT_EQ(figure(comparison, "latency_ratio_low"), 1.05);
  EXPECT_EQ(figure(comparison, "latency_a"), std::nullopt);
  EXPECT_EQ(figure(comparison, "p90_b"), 7);
  EXPECT_EQ(figure(comparison, "weights_changed"), 2);
  EXPECT_EQ(figure(comparison, "weights_only_a"), 0);
  EXPECT_EQ(figure(comparison, "weights_only_b"), 1);
  EXPECT_EQ(figure(comparison, "parameters_b"), 6);
  EXPECT_EQ(figure(comparison, "commits"), 5);
  EXPECT_EQ(figure(comparison, "lines_added"), 20);
  comparison.code->note = "the sides are of two repositories";
  EXPECT_EQ(figure(comparison, "lines_added"), std::nullopt);
}

}  // namespace
}  // namespace hubcell::compare

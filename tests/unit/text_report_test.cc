#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include <hubcell/report.h>

#include "tests/support/sample_comparisons.h"
#include "tools/compare/report/line_diff.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::string first_line(const Comparison& comparison) {
  return lines_of(to_text(comparison)).at(0);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- text of unknown origin

TEST(Unicode, OneLineOfWellFormedTextIsLeftOfAnyBytes) {
  EXPECT_EQ(text::visible("a\tb\nc"), "a b c");
  EXPECT_EQ(text::visible("\x1b[31mred"), "\uFFFD[31mred");
  EXPECT_EQ(text::visible("\xff\xc0\x80\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(text::visible("\xe2\x82"), "\uFFFD\uFFFD");
  EXPECT_EQ(text::visible("\u202Egnp.exe\u200B"), "\uFFFDgnp.exe\uFFFD");
  EXPECT_EQ(text::visible("Żółć 林 👍"), "Żółć 林 👍");
}

TEST(Unicode, ColumnsAreThoseOfATerminal) {
  EXPECT_EQ(text::columns_of("abc"), 3U);
  EXPECT_EQ(text::columns_of("Żółć"), 4U);
  EXPECT_EQ(text::columns_of("林 美咲"), 7U);
  EXPECT_EQ(text::columns_of("e\u0301"), 1U);
  EXPECT_EQ(text::columns_of("👍"), 2U);
}

TEST(Unicode, ShortTextKeepsItsEnds) {
  EXPECT_EQ(text::shorten("decoder.rnn", 11), "decoder.rnn");
  EXPECT_EQ(text::shorten("decoder.rnn.weight", 8), "decoder…");
  EXPECT_EQ(text::shorten_middle("decoder.rnn.weight", 9), "deco…ight");
  EXPECT_EQ(text::shorten_middle("林美咲林美咲", 7), "林…咲");
  std::string marks = "e";
  for (int i = 0; i < 5000; ++i)
    marks += "\u0301";
  EXPECT_LT(text::shorten(marks, 10).size(), 200U) << "marks take no column, and yet not all are kept";
}

TEST(Unicode, LinesBreakAtSpacesAndLongWordsAnywhere) {
  EXPECT_EQ(text::wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(text::wrap("abcdefghij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
  EXPECT_EQ(text::wrap("", 4), std::vector<std::string>{""});
}

// ---- numbers

TEST(Quantities, HaveThreeDigitsAndWordsForWhatIsNoNumber) {
  EXPECT_EQ(figure(0.31234), "0.312");
  EXPECT_EQ(figure(1234.5), "1234");
  EXPECT_EQ(figure(1.234e-7), "1.23e-7");
  EXPECT_EQ(figure(1e300), "1e300");
  EXPECT_EQ(figure(std::stod("inf")), "infinite");
  EXPECT_EQ(figure(std::stod("nan")), "NaN");
  EXPECT_EQ(seconds(0.000312), "312 us");
  EXPECT_EQ(seconds(0.0421), "42.1 ms");
  EXPECT_EQ(seconds(2.5), "2.5 s");
  EXPECT_EQ(percent(0.932), "93.2 %");
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(percent(0.9997), "99.97 %");
  EXPECT_EQ(counted(1, "input"), "1 input");
  EXPECT_EQ(counted(1234567, "input"), "1,234,567 inputs");
  EXPECT_EQ(date_and_time(1'795'751'400), "2026-11-27 03:50 UTC");
}

TEST(LineDiff, IsAShortestOne) {
  const LineDiff diff = diff_lines("a\nb\nc\n", "a\nx\nc\nd");
  EXPECT_EQ(diff.added, 2U);
  EXPECT_EQ(diff.removed, 1U);
  EXPECT_EQ(diff.lines.size(), 5U);
}

// ---- the report

TEST(TextReport, NoLineIsLongerThanTheTerminal) {
  for (const auto& [name, comparison] : test::sample_comparisons()) {
    for (const std::size_t columns : {60U, 80U}) {
      for (const bool verbose : {false, true}) {
        for (const std::string& line :
             lines_of(to_text(comparison, {.columns = columns, .verbose = verbose})))
          EXPECT_LE(text::columns_of(line), columns) << name << ": " << line;
      }
    }
  }
}

TEST(TextReport, NoForeignTextReachesTheTerminalAsItCame) {
  const std::string report = to_text(test::hostile_comparison(), {.verbose = true});
  EXPECT_EQ(
      std::ranges::count_if(report, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }),
      0);
  EXPECT_FALSE(holds(report, "\u202E"));
  EXPECT_LT(report.size(), 100'000U);
  std::string joined = report;
  std::ranges::replace(joined, '\n', ' ');
  EXPECT_EQ(text::visible(joined), joined) << "all of it is well-formed";
}

TEST(TextReport, BeginsWithTheVerdict) {
  const std::vector<std::string> lines = lines_of(to_text(test::speech_comparison()));
  EXPECT_EQ(lines.at(0), "differ: max |b-a| 0.31 over 50 inputs; first in module encoder.1.se;");
  EXPECT_EQ(lines.at(1), "  B is 1.4x faster (95 %: 1.33 to 1.46); same accuracy (92.0 %)");
  EXPECT_EQ(first_line(test::equal_comparison()),
            "equal: all 50 answers; no difference in speed seen (B/A 95 %: 0.963 to 1.05)");
  EXPECT_TRUE(first_line(test::close_comparison()).starts_with("within tolerance: max |b-a| "));
  EXPECT_EQ(first_line(test::structure_comparison()), "differ: the structure of 2 of 6 answers");
  EXPECT_EQ(first_line({}), "no input was compared");
}

TEST(TextReport, ASideThatFailedComesFirst) {
  const std::vector<std::string> crashed = lines_of(to_text(test::crashed_comparison()));
  EXPECT_EQ(crashed.at(0), "failed: B did not load");
  EXPECT_TRUE(holds(crashed.at(1), "B: load acme/resnet@main: the worker was killed by signal 11"));
  const std::vector<std::string> failing = lines_of(to_text(test::failing_comparison()));
  EXPECT_TRUE(failing.at(0).starts_with("failed: B failed on 4 of 50 inputs; 40 of 46 answers differ;"))
      << failing.at(0);
}

TEST(TextReport, OfEqualModelsInventsNoDifference) {
  const std::string report = to_text(test::equal_comparison());
  EXPECT_FALSE(holds(report, "differ "));
  EXPECT_FALSE(holds(report, "max |b-a|"));
  EXPECT_FALSE(holds(report, "changed"));
  EXPECT_LE(lines_of(report).size(), 24U);
  EXPECT_TRUE(holds(report, "46 tensors: all equal"));
}

TEST(TextReport, SaysHowMuchItLeavesOut) {
  const std::string report = to_text(test::large_comparison());
  EXPECT_TRUE(holds(report, "… and 2,995 more"));
  EXPECT_LT(lines_of(report).size(), 130U);
  EXPECT_GT(to_text(test::large_comparison(), {.verbose = true}).size(), report.size());
}

TEST(TextReport, ColoursDoNotChangeTheText) {
  const std::string plain = to_text(test::speech_comparison());
  std::string coloured = to_text(test::speech_comparison(), {.colours = true});
  EXPECT_NE(plain, coloured);
  for (std::size_t at; (at = coloured.find("\x1b[")) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) - at + 1);
  EXPECT_EQ(plain, coloured);
}

TEST(TextReport, SaysWhyAPartIsMissing) {
  const std::string report = to_text(test::image_comparison());
  EXPECT_TRUE(holds(report, "where    the sides have no module of the same name"));
  EXPECT_TRUE(holds(report, "code     the sides are of two repositories"));
}

}  // namespace
}  // namespace hubcell::compare

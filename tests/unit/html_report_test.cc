#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include <hubcell/report.h>

#include "tests/support/sample_comparisons.h"
#include "tools/compare/report/base64.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/picture.h"
#include "tools/compare/report/scale.h"

namespace hubcell::compare {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string plain(double number) {
  return std::to_string(number);
}

// ---- the builder

TEST(Html, EscapesWhatItIsGivenEverywhere) {
  Html html;
  html.open("p", {{"title", "\"><b>"}}).text("<script>&'").leaf("b", "</b>\x1b").close();
  EXPECT_EQ(html.take(),
            "<p title=\"&quot;&gt;&lt;b&gt;\">&lt;script&gt;&amp;&#39;<b>&lt;/b&gt;\uFFFD</b></p>\n");
}

TEST(Html, CutsTextButNotPathsAndPictures) {
  Html html;
  html.leaf("p", std::string(100'000, 'x')).empty("path", {{"d", Whole{std::string(3000, '1')}}});
  const std::string page = html.take();
  EXPECT_TRUE(holds(page, "…"));
  EXPECT_TRUE(holds(page, std::string(3000, '1')));
  EXPECT_LT(page.size(), 5000U);
}

TEST(Html, CoordinatesAreAlwaysNumbers) {
  EXPECT_EQ(coordinate(std::nan("")), "0");
  EXPECT_EQ(coordinate(kInfinity), "100000");
  EXPECT_EQ(coordinate(-0.04), "0");
  EXPECT_EQ(coordinate(12.34), "12.3");
}

// ---- axes

TEST(Scale, ALogarithmicOneCopesWithWhatHasNoLogarithm) {
  const Scale scale = Scale::logarithmic({0, -1, kInfinity, std::nan(""), 2e-3, 40}).onto(0, 100);
  EXPECT_DOUBLE_EQ(scale(1e-3), 0);
  EXPECT_DOUBLE_EQ(scale(100), 100);
  EXPECT_DOUBLE_EQ(scale(0), 0);
  EXPECT_DOUBLE_EQ(scale(kInfinity), 100);
  EXPECT_DOUBLE_EQ(scale(std::nan("")), 0);
  const std::vector<Tick> ticks = scale.ticks(6, plain);
  ASSERT_EQ(ticks.size(), 6U);
  EXPECT_EQ(ticks[0].label, "10⁻³");
  EXPECT_EQ(ticks[5].label, "100");
}

TEST(Scale, NoRangeLeavesItWithoutTicksOrPlaces) {
  const double numbers[] = {std::nan(""), kInfinity, -kInfinity, 0, 1, 1e308, -1e308, 5e-324};
  for (const double from : numbers) {
    for (const double to : numbers) {
      for (const Scale& scale :
           {Scale::linear(from, to).onto(0, 100), Scale::logarithmic({from, to}).onto(0, 100)}) {
        EXPECT_LE(scale.ticks(6, plain).size(), 8U);
        for (const Tick& tick : scale.ticks(6, plain))
          EXPECT_TRUE(std::isfinite(tick.place)) << from << " to " << to;
        for (const double value : numbers)
          EXPECT_TRUE(scale(value) >= 0 && scale(value) <= 100) << value << " in " << from << " to " << to;
      }
    }
  }
}

TEST(Scale, TicksAreRound) {
  const std::vector<Tick> ticks = Scale::linear(-7.4, 7.4).onto(0, 148).ticks(4, plain);
  ASSERT_EQ(ticks.size(), 3U);
  EXPECT_EQ(ticks[1].label, plain(0));
  EXPECT_DOUBLE_EQ(ticks[1].place, 74);
}

// ---- pictures

TEST(Base64, IsThatOfRfc4648) {
  const auto of = [](const std::string& text) {
    return base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_of_hex("666f6f"), "Zm9v");
}

TEST(Picture, IsSmallAndOnlyOfWhatHoldsItsPixels) {
  Preview preview{
      .kind = Preview::Kind::Image, .width = 640, .height = 2, .pixels = {}, .lows = {}, .highs = {}};
  preview.pixels.resize(640 * 2 * 3);
  std::uint32_t noise = 1;
  for (std::uint8_t& pixel : preview.pixels)
    pixel = static_cast<std::uint8_t>((noise = noise * 1664525U + 1013904223U) >> 24U);
  EXPECT_TRUE(picture_address(preview).starts_with("data:image/png;base64,iVBORw0KGgo"));
  EXPECT_LT(picture_address(preview).size(), 1000U);
  preview.width = 641;
  EXPECT_EQ(picture_address(preview), "");
  preview.width = preview.height = 0xffffffff;
  EXPECT_EQ(picture_address(preview), "");
  preview.width = 0;
  EXPECT_EQ(picture_address(preview), "");
}

// ---- the page

TEST(HtmlReport, SaysTheVerdictOfTheText) {
  const std::string page = to_html(test::speech_comparison());
  EXPECT_TRUE(holds(page, "<h1>silero_vad: v5.1 and v6.0</h1>"));
  EXPECT_TRUE(holds(page,
                    "<strong>Differ</strong>: max |b − a| 0.31 over 50 inputs; first in module encoder.1.se; "
                    "B is 1.4× faster"));
}

TEST(HtmlReport, OfEqualModelsInventsNoDifference) {
  const std::string page = to_html(test::equal_comparison());
  EXPECT_TRUE(holds(page, "All 50 answers are equal"));
  EXPECT_FALSE(holds(page, "class=\"plot points\""));
  EXPECT_FALSE(holds(page, "<h2 id=\"code-title\""));
  EXPECT_LT(page.size(), 60'000U);
}

TEST(HtmlReport, TellsWhatFailedBeforeAnythingElse) {
  const std::string page = to_html(test::crashed_comparison());
  EXPECT_LT(page.find("killed by signal 11"), page.find("class=\"cards\""));
}

TEST(HtmlReport, ShowsThePicturesOnWhichTheyDiffer) {
  const std::string page = to_html(test::image_comparison());
  EXPECT_TRUE(holds(page, "<img src=\"data:image/png;base64,"));
  EXPECT_TRUE(holds(page, "alt=\"The input photos/123.png\""));
}

TEST(HtmlReport, SaysHowMuchItLeavesOut) {
  const std::string page = to_html(test::large_comparison());
  EXPECT_TRUE(holds(page, "and 2,960 more"));
  EXPECT_TRUE(holds(page, "each point is the worst of 20"));
}

}  // namespace
}  // namespace hubcell::compare

#include "shared/channel/data_area.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "shared/channel/layout.h"

namespace hubcell::channel {
namespace {

TEST(DataArea, FreedNeighboursMergeSoThatTheWholeFitsAgain) {
  DataArea area(4096, 1024);
  const auto a = area.allocate(256);
  const auto b = area.allocate(256);
  const auto c = area.allocate(512);
  ASSERT_TRUE(a && b && c);
  EXPECT_FALSE(area.allocate(1));
  area.free(*a);
  area.free(*c);
  area.free(*b);
  EXPECT_EQ(area.allocate(1024), 4096U);
}

TEST(DataArea, TheLowestRangeIsReusedFirst) {
  DataArea area(0, 1 << 20);
  const auto first = area.allocate(100);
  area.allocate(100);
  area.free(*first);
  EXPECT_EQ(area.allocate(90), first);
}

TEST(DataArea, ABlockServesTheNextOneOfItsSize) {
  DataArea area(0, 1 << 20);
  area.allocate(64);
  const auto second = area.allocate(1000);
  area.free(*area.allocate(64));
  area.free(*second);
  EXPECT_EQ(area.allocate(1000), second);
}

TEST(DataAreaDeathTest, ABlockThatIsFreedTwiceStopsTheProcess) {
  DataArea area(0, 1 << 20);
  const auto small = area.allocate(64);
  area.free(*small);
  EXPECT_DEATH(area.free(*small), "");
}

TEST(DataArea, SmallBlocksDoNotKeepWhatLiesBelowThemFromBeingTrimmed) {
  DataArea area(0, 1 << 20);
  const auto large = area.allocate(512 * 1024);
  const auto above = area.allocate(64);
  area.free(*large);
  area.free(*above);
  EXPECT_TRUE(area.trim(4096));
}

TEST(DataArea, NothingAndTooMuchAreRefused) {
  DataArea area(0, 4096);
  EXPECT_FALSE(area.allocate(0));
  EXPECT_FALSE(area.allocate(4097));
  EXPECT_FALSE(area.allocate(~std::uint64_t{0}));
}

TEST(DataArea, RandomUseNeverOverlapsAndLeavesNothingBehind) {
  constexpr std::uint64_t kBytes = 1 << 20;
  DataArea area(kAreasOffset, kBytes);
  std::map<std::uint64_t, std::uint64_t> used;
  std::mt19937 random(1);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || used.empty()) {
      const std::uint64_t bytes = 1 + random() % 20'000;
      const auto offset = area.allocate(bytes);
      if (!offset) continue;
      EXPECT_EQ(*offset % kBlockAlignment, 0U);
      EXPECT_GE(*offset, kAreasOffset);
      EXPECT_LE(*offset + bytes, kAreasOffset + kBytes);
      const auto after = used.lower_bound(*offset);
      if (after != used.end()) {
        EXPECT_LE(*offset + bytes, after->first);
      }
      if (after != used.begin()) {
        EXPECT_LE(std::prev(after)->first + std::prev(after)->second, *offset);
      }
      used.emplace(*offset, bytes);
    } else {
      auto chosen = used.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(random() % used.size()));
      area.free(chosen->first);
      used.erase(chosen);
    }
  }
  for (const auto& [offset, bytes] : used)
    area.free(offset);
  EXPECT_EQ(area.used_bytes(), 0U);
  EXPECT_EQ(area.allocate(kBytes), kAreasOffset);
}

TEST(DataArea, TrimGivesBackWhatLiesAboveTheWarmPart) {
  DataArea area(0, 1 << 20);
  const auto block = area.allocate(512 * 1024);
  EXPECT_FALSE(area.trim(4096));
  area.free(*block);
  const auto range = area.trim(4096);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->offset, 4096U);
  EXPECT_EQ(range->bytes, 512U * 1024 - 4096);
  EXPECT_FALSE(area.trim(4096)) << "what was trimmed counts as untouched";
}

}  // namespace
}  // namespace hubcell::channel

#include <gtest/gtest.h>
#include <sched.h>

#include "shared/channel/waiting.h"

namespace hubcell::channel {
namespace {

cpu_set_t allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  return allowed;
}

class WaitingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (CPU_COUNT(&allowed_) < 2) GTEST_SKIP() << "this process may use one CPU only";
  }
  void TearDown() override { ::sched_setaffinity(0, sizeof(allowed_), &allowed_); }

  void allow_one_cpu() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(this_cpu(), &one);
    // It may have been moved since.
    if (::sched_setaffinity(0, sizeof(one), &one) != 0) GTEST_FAIL() << "be on one CPU";
  }

  const cpu_set_t allowed_ = allowed_cpus();
};

TEST_F(WaitingTest, AThreadThatLeavesACpuMayUseTheSameOnesAsBefore) {
  EXPECT_TRUE(leave_cpu(this_cpu()));
  const cpu_set_t after = allowed_cpus();
  EXPECT_TRUE(CPU_EQUAL(&after, &allowed_));
}

TEST_F(WaitingTest, AThreadThatMayUseOneCpuStaysThere) {
  allow_one_cpu();
  EXPECT_FALSE(leave_cpu(this_cpu()));
  const cpu_set_t after = allowed_cpus();
  EXPECT_EQ(CPU_COUNT(&after), 1);
}

// How many exchanges on one CPU it takes until a move is due; more than `exchanges_max` is none.
int exchanges_until_due(Placement& placement, int exchanges_max) {
  int exchanges = 0;
  for (; exchanges <= exchanges_max && !placement.take_due(); ++exchanges)
    placement.note(1, 1);
  return exchanges;
}

TEST(Placement, AMoveIsDueAfterSomeExchangesOnOneCpuInARow) {
  Placement placement;
  for (int i = 0; i < 100; ++i) {
    placement.note(1, 1);
    placement.note(1, 0);
    EXPECT_FALSE(placement.take_due());
  }
  EXPECT_EQ(exchanges_until_due(placement, 100), 8);
}

TEST(Placement, MovesThatDoNotHelpAreTriedEverMoreRarely) {
  Placement placement;
  int last = exchanges_until_due(placement, 10'000);
  for (int moves = 0; moves < 8; ++moves) {
    const int next = exchanges_until_due(placement, 10'000);
    EXPECT_EQ(next, 2 * last);
    last = next;
  }
  exchanges_until_due(placement, 10'000);
  EXPECT_EQ(exchanges_until_due(placement, 10'000), 4096);
}

TEST(Placement, AMoveThatHasHelpedIsTriedAgainSoon) {
  Placement placement;
  exchanges_until_due(placement, 100);
  EXPECT_EQ(exchanges_until_due(placement, 100), 16);
  for (int i = 0; i < 16; ++i)
    placement.note(1, 0);
  EXPECT_EQ(exchanges_until_due(placement, 100), 8);
}

}  // namespace
}  // namespace hubcell::channel

#include "supervisor/lifecycle/lifecycle.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace hubcell::lifecycle {
namespace {

State walk(std::initializer_list<Event> events) {
  State state = State::Resolving;
  for (const Event event : events) {
    if (const auto row = find_transition(state, event)) state = row->next;
  }
  return state;
}

TEST(Lifecycle, ALoadReachesReady) {
  EXPECT_EQ(walk({Event::Resolved, Event::Forked, Event::SandboxHolds, Event::LoadBegan}), State::Loading);
  EXPECT_EQ(walk({Event::Resolved, Event::Forked, Event::SandboxHolds, Event::LoadBegan, Event::LoadEnded}),
            State::Ready);
}

TEST(Lifecycle, EveryRowIsUnique) {
  std::set<std::pair<State, Event>> seen;
  for (const Transition& row : kTransitions)
    EXPECT_TRUE(seen.emplace(row.state, row.event).second);
}

TEST(Lifecycle, StoppedIsFinal) {
  for (int event = 0; event <= static_cast<int>(Event::Ended); ++event) {
    EXPECT_FALSE(find_transition(State::Stopped, static_cast<Event>(event)));
  }
}

TEST(Lifecycle, TheEndOfTheProcessStopsEveryStateThatHasOne) {
  for (const State state :
       {State::Starting, State::Entering, State::Ready, State::Loading, State::Stopping}) {
    const auto row = find_transition(state, Event::Ended);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->next, State::Stopped);
    EXPECT_EQ(row->action, Action::Forget);
  }
}

TEST(Lifecycle, AWorkerThatIsClosedWhileItIsForkedIsKilledWhenItAppears) {
  EXPECT_EQ(walk({Event::Resolved, Event::Close}), State::Stopping);
  const auto row = find_transition(State::Stopping, Event::Forked);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->action, Action::Kill);
}

TEST(Lifecycle, NothingServesBeforeTheSandboxHolds) {
  for (const State state : {State::Resolving, State::Starting}) {
    EXPECT_FALSE(find_transition(state, Event::SandboxHolds));
    EXPECT_FALSE(find_transition(state, Event::LoadBegan));
  }
  EXPECT_FALSE(find_transition(State::Entering, Event::LoadBegan));
}

}  // namespace
}  // namespace hubcell::lifecycle

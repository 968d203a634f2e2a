// A worker's lifecycle, as a table.
//
//     Resolving -Resolved-> Starting -Forked-> Entering -SandboxHolds-> Ready -LoadBegan-> Loading
//                                                                            <-LoadEnded-
//     Entering, Ready, Loading -Failed, Close: SIGKILL-> Stopping -Ended, Failed-> Stopped
//     Starting -Close-> Stopping, killed when Forked comes; Starting -Failed-> Stopped
//     Resolving -Failed, Close-> Stopped; every state with a process -Ended-> Stopped
//
// It owns no clock and no descriptor: control/worker.cc turns what happens into events, and actions into calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hubcell::lifecycle {

enum class State : std::uint8_t { Resolving, Starting, Entering, Ready, Loading, Stopping, Stopped };
enum class Event : std::uint8_t {
  Resolved,
  Forked,
  SandboxHolds,
  LoadBegan,
  LoadEnded,
  Failed,
  Close,
  Ended
};
enum class Action : std::uint8_t {
  None,
  Kill,    // SIGKILL
  Forget,  // no process is left: drop the record
};

struct Transition {
  State state;
  Event event;
  State next;
  Action action;
};

inline constexpr std::size_t kStateCount = static_cast<std::size_t>(State::Stopped) + 1;

inline constexpr std::array kTransitions{
    Transition{State::Resolving, Event::Resolved, State::Starting, Action::None},
    Transition{State::Resolving, Event::Failed, State::Stopped, Action::Forget},
    Transition{State::Resolving, Event::Close, State::Stopped, Action::Forget},
    Transition{State::Starting, Event::Forked, State::Entering, Action::None},
    Transition{State::Starting, Event::Failed, State::Stopped, Action::Forget},
    Transition{State::Starting, Event::Close, State::Stopping, Action::None},
    Transition{State::Starting, Event::Ended, State::Stopped, Action::Forget},
    Transition{State::Entering, Event::SandboxHolds, State::Ready, Action::None},
    Transition{State::Entering, Event::Failed, State::Stopping, Action::Kill},
    Transition{State::Entering, Event::Close, State::Stopping, Action::Kill},
    Transition{State::Entering, Event::Ended, State::Stopped, Action::Forget},
    Transition{State::Ready, Event::LoadBegan, State::Loading, Action::None},
    Transition{State::Ready, Event::Failed, State::Stopping, Action::Kill},
    Transition{State::Ready, Event::Close, State::Stopping, Action::Kill},
    Transition{State::Ready, Event::Ended, State::Stopped, Action::Forget},
    Transition{State::Loading, Event::LoadBegan, State::Loading, Action::None},
    Transition{State::Loading, Event::LoadEnded, State::Ready, Action::None},
    Transition{State::Loading, Event::Failed, State::Stopping, Action::Kill},
    Transition{State::Loading, Event::Close, State::Stopping, Action::Kill},
    Transition{State::Loading, Event::Ended, State::Stopped, Action::Forget},
    Transition{State::Stopping, Event::Forked, State::Stopping, Action::Kill},
    Transition{State::Stopping, Event::Failed, State::Stopped, Action::Forget},
    Transition{State::Stopping, Event::Ended, State::Stopped, Action::Forget},
};

// The row for (state, event); none: the event means nothing there.
constexpr std::optional<Transition> find_transition(State state, Event event) {
  for (const Transition& row : kTransitions) {
    if (row.state == state && row.event == event) return row;
  }
  return std::nullopt;
}

// Whether every state leads to Stopped, by whatever events.
constexpr bool every_state_can_stop() {
  std::array<bool, kStateCount> stops{};
  stops[static_cast<std::size_t>(State::Stopped)] = true;
  for (std::size_t round = 0; round < kStateCount; ++round) {
    for (const Transition& row : kTransitions) {
      if (stops[static_cast<std::size_t>(row.next)]) stops[static_cast<std::size_t>(row.state)] = true;
    }
  }
  for (const bool stop : stops) {
    if (!stop) return false;
  }
  return true;
}
static_assert(every_state_can_stop());

std::string_view name(State state);

}  // namespace hubcell::lifecycle

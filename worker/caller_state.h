// What a call may depend on beside its arguments, for as long as it runs: torch's generator, which nearly every call of a
// Python program brings, and with the help of caller_state.py the rest.
#pragma once

#include <string>

#include "shared/python/convert.h"

namespace hubcell::worker {

class CallerState {
 public:
  // `folder` holds caller_state.py.
  CallerState(const python::Converter& converter, const std::string& folder);

  // Sets the state of a request: a dict, or None for nothing. Throws Error(Remote) where it cannot be set.
  void enter(const Value& state);
  // What the call changed of it: a dict, or None. To be called after every `enter`, however the call ended.
  Value leave();

 private:
  void enter_generator(const Value& state);

  const python::Converter& converter_;
  python::PyRef others_;
  bool entered_others_ = false;
  python::PyRef get_generator_;
  python::PyRef set_generator_;
  python::PyRef generator_;  // its state at the call's begin, and after it as the call left it
  bool entered_generator_ = false;
};

}  // namespace hubcell::worker

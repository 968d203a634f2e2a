// What a call may depend on beside its arguments, for as long as it runs: the C++ face of caller_state.py.
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
  const python::Converter& converter_;
  python::PyRef state_;
  bool entered_ = false;
};

}  // namespace hubcell::worker

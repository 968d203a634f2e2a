#include "worker/caller_state.h"

#include <utility>

#include "shared/python/object.h"

namespace hubcell::worker {

CallerState::CallerState(const python::Converter& converter, const std::string& folder)
    : converter_(converter),
      state_(python::call(
          python::attribute(
              python::load_source_file("hubcell_caller_state", folder + "/caller_state.py").get(),
              "CallerState")
              .get())) {}

void CallerState::enter(const Value& state) {
  if (state.is<None>()) return;
  entered_ = true;
  python::call(python::attribute(state_.get(), "enter").get(), {converter_.to_python(state).get()});
}

Value CallerState::leave() {
  if (!std::exchange(entered_, false)) return None{};
  return converter_.to_value(python::call(python::attribute(state_.get(), "leave").get()).get());
}

}  // namespace hubcell::worker

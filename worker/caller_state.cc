#include "worker/caller_state.h"

#include <utility>

#include "shared/python/object.h"

namespace hubcell::worker {
namespace {

constexpr const char* kGenerator = "torch";

}  // namespace

// What torch.get_rng_state calls, from before foreign code could replace it.
CallerState::CallerState(const python::Converter& converter, const std::string& folder)
    : converter_(converter),
      others_(python::call(
          python::attribute(
              python::load_source_file("hubcell_caller_state", folder + "/caller_state.py").get(),
              "CallerState")
              .get())) {
  const python::PyRef torch = python::import_module("torch");
  get_generator_ = python::attribute(python::attribute(torch.get(), "default_generator").get(), "get_state");
  set_generator_ = python::attribute(torch.get(), "set_rng_state");
}

void CallerState::enter(const Value& state) {
  if (state.is<None>()) return;
  for (const auto& [name, value] : state.as<Dict>().items) {
    const bool is_generator = name.is<std::string>() && name.text() == kGenerator;
    if (is_generator) enter_generator(value);
    entered_others_ |= !is_generator;
  }
  if (!entered_others_) return;
  python::call(python::attribute(others_.get(), "enter").get(), {converter_.to_python(state).get()});
}

// None: as the last call left it.
void CallerState::enter_generator(const Value& state) {
  if (!state.is<None>()) python::call(set_generator_.get(), {converter_.to_python(state).get()});
  if (!state.is<None>() || !generator_) generator_ = python::call(get_generator_.get());
  entered_generator_ = true;
}

Value CallerState::leave() {
  Dict moved;
  if (std::exchange(entered_others_, false)) {
    const Value others =
        converter_.to_value(python::call(python::attribute(others_.get(), "leave").get()).get());
    if (others.is<Dict>()) moved = others.as<Dict>();
  }
  if (std::exchange(entered_generator_, false)) {
    const python::PyRef before = std::exchange(generator_, python::call(get_generator_.get()));
    if (!converter_.torch().hold_the_same(before.get(), generator_.get()))
      moved.items.emplace_back(kGenerator, converter_.to_value(generator_.get()));
  }
  return moved.items.empty() ? Value(None{}) : Value(std::move(moved));
}

}  // namespace hubcell::worker

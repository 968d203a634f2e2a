// Waiting for an answer without the GIL.
#pragma once

#include <exception>

#include "shared/python/gil.h"
#include "tools/python/extension/runtime.h"

namespace hubcell::python_package {

// What `wait`, called with `options` and without the GIL, answers. What the call moved of the random states is handed
// on, also when it fails.
template <class Wait>
python::PyRef await_answer(CallOptions options, Wait wait) {
  Value answer, changed;
  std::exception_ptr failure;
  options.changed_state = &changed;
  {
    const python::WithoutGil released;
    try {
      answer = wait(std::move(options));
    } catch (const Error&) {
      failure = std::current_exception();
    }
  }
  const Runtime& runtime = Runtime::get();
  runtime.take_state(changed);
  if (failure) std::rethrow_exception(failure);
  return runtime.to_python(answer);
}

// What `ask` returns, called without the GIL.
template <class Ask>
auto without_gil(Ask ask) {
  const python::WithoutGil released;
  return ask();
}

python::PyRef info_to_python(const ModelInfo& info);

}  // namespace hubcell::python_package

// What an attempt that must fail throws.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include <hubcell/error.h>

namespace hubcell::tests {

inline Error error_of(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::System, "nothing was thrown");
}

}  // namespace hubcell::tests

#include <array>

#include <hubcell/recording.h>

namespace hubcell::compare {

Callee calls_of(const Object& object) {
  return [object](const std::string& method, Arguments arguments, Keywords keywords, CallOptions options) {
    return object.call(method, std::move(arguments), std::move(keywords), std::move(options));
  };
}

CallFailure failure_of(const Error& error) {
  if (error.remote()) return {.type = error.remote()->type, .message = error.remote()->message};
  // The names that Python has for them.
  constexpr std::array kNames{"Error", "Error",      "SourceError",      "SandboxError",
                              "Error", "WorkerDied", "DeadlineExceeded", "StaleHandle",
                              "Error", "Cancelled"};
  static_assert(kNames.size() == static_cast<std::size_t>(kErrorCodeLast) + 1);
  return {.type = kNames[static_cast<std::size_t>(error.code())], .message = error.what()};
}

}  // namespace hubcell::compare

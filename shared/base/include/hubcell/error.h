// The one exception type of hubcell.
//
// A message is one line: what was attempted, on what, why, and what to do. Each layer that knows more adds
// one clause with `context`. Foreign exceptions (raised by a repository's own code) carry what Python said as
// well.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace hubcell {

enum class ErrorCode : unsigned char {
  System = 0,            // the kernel or this machine refused
  Usage = 1,             // the caller passed something that cannot be
  Source = 2,            // names, refs, remotes, checkouts
  Sandbox = 3,           // a layer that was asked for cannot be had
  Remote = 4,            // the repository's own code raised an exception
  WorkerDied = 5,        // the worker ended while it was needed
  DeadlineExceeded = 6,  // the call took longer than its deadline
  StaleHandle = 7,       // the object behind a handle is gone
  Protocol = 8,          // the other side sent what it may not send
  Cancelled = 9,         // the caller gave the call up
};
inline constexpr ErrorCode kErrorCodeLast = ErrorCode::Cancelled;

// What an exception of foreign code said, as text: nothing of it is trusted or unpickled.
struct RemoteException {
  std::string type;       // its own class, as "module.Name"
  std::string builtin;    // the builtin exception that it is or derives from, as "ValueError"
  std::string message;    // str(exception)
  std::string traceback;  // the worker's formatted traceback
};

// How a worker ended; nothing is known of one that ended with its supervisor.
struct WorkerDeath {
  int exit_code = 0;
  int signal = 0;                        // 0: it exited by itself
  std::vector<std::string> output_tail;  // the last lines that it printed
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Error(RemoteException remote, const std::string& message)
      : std::runtime_error(message), code_(ErrorCode::Remote), remote_(std::move(remote)) {}
  Error(WorkerDeath death, const std::string& message)
      : std::runtime_error(message), code_(ErrorCode::WorkerDied), death_(std::move(death)) {}

  ErrorCode code() const { return code_; }
  const std::optional<RemoteException>& remote() const { return remote_; }
  const std::optional<WorkerDeath>& death() const { return death_; }

  // The same error with `clause` put before its message: "load a/b@main: no branch or tag 'main'".
  Error context(const std::string& clause) const {
    Error wider = *this;
    static_cast<std::runtime_error&>(wider) = std::runtime_error(clause + ": " + what());
    return wider;
  }

 private:
  ErrorCode code_;
  std::optional<RemoteException> remote_;
  std::optional<WorkerDeath> death_;
};

}  // namespace hubcell

// Runs one attempt in a forked child, so that what the attempt gives up or breaks ends with the child.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "shared/posix/process.h"

namespace hubcell::tests {

constexpr int kSetUpFailed = 250;      // the child could not prepare; it says why on standard error
constexpr int kKilledBySignal = 1000;  // plus the signal's number

// What a system call's answer means: 0, or the errno.
inline int errno_of(long answer) {
  return answer < 0 ? errno : 0;
}

// `prepare` enters what is tested; `attempt` answers with an exit code, 0 or an errno. kKilledBySignal +
// signal where the child was killed.
template <typename Prepare, typename Attempt>
int attempt_in_child(Prepare prepare, Attempt attempt) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      prepare();
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s\n", failure.what());
      ::_exit(kSetUpFailed);
    }
    ::_exit(attempt());
  }
  const posix::ExitStatus status = posix::ChildProcess(pid, {}).wait();
  return status.signal != 0 ? kKilledBySignal + status.signal : status.exit_code;
}

template <typename Attempt>
int attempt_in_child(Attempt attempt) {
  return attempt_in_child([] {}, attempt);
}

}  // namespace hubcell::tests

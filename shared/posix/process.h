// Starting, signalling and reaping child processes by pidfd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

// How a process ended. `signal` is 0 when it exited by itself.
struct ExitStatus {
  int exit_code = 0;
  int signal = 0;
};

// "exited with code 3" or "was killed by SIGSEGV (segmentation fault)".
std::string describe(const ExitStatus& status);

// A child that has not been reaped yet. The destructor kills and reaps it.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  // A child that was just forked, and that may have ended. Where it cannot be followed it is ended: Error(System).
  static ChildProcess adopt(pid_t pid);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  explicit operator bool() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Readable (poll) once the child has ended.
  int pidfd() const { return pidfd_.get(); }
  void kill(int signal) const;
  // Waits for the end, however long that takes, and reaps.
  ExitStatus wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

struct SpawnOptions {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // without argv[0], which is `program`
  std::vector<std::string> environment;  // NAME=value; nothing else is inherited
  std::string directory;                 // working folder, or empty for the caller's
  std::vector<int> descriptors;          // become 3, 4, 5, ...; all others are closed
  int standard_output = -1;              // becomes 1; -1: the caller's own standard error
  int standard_error = -1;               // becomes 2; -1: the caller's own
  bool die_with_parent = false;          // PDEATHSIG: SIGKILL when the calling thread ends
};

// fork and exec. Standard input is /dev/null. Throws Error(System) also when the exec itself fails.
ChildProcess spawn(const SpawnOptions& options);

// The reading end and the writing end, close-on-exec.
std::pair<UniqueFd, UniqueFd> make_pipe();

// pidfd_open, pidfd_send_signal (false: it has ended).
UniqueFd open_pidfd(pid_t pid);
bool send_signal(int pidfd, int signal);
// True once the process behind `pidfd` has ended; does not wait.
bool has_ended(int pidfd);

// Of this process: the kernel's own count.
std::size_t thread_count();

// How often this process and those that it descends from have forked, as far as they called this before: two equal answers
// came from the same process. Costs no system call.
unsigned fork_count();

}  // namespace hubcell::posix

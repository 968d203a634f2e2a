// A supervisor that many programs of one user share: becoming one, and looking at the one that runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hubcell {

namespace client {
class AdminConnection;
}

// Where its socket lies unless somebody says otherwise: HUBCELL_SOCKET, else hubcell.sock in XDG_RUNTIME_DIR, else in a folder of
// this user below /tmp. Empty where HUBCELL_SOCKET is set and empty: none is used.
std::string shared_socket();

struct ServeOptions {
  std::string socket = {};                   // empty: shared_socket()
  unsigned programs = 256;                   // that may use it at a time
  unsigned workers = 256;                    // that a Hub may have at a time
  std::uint64_t worker_memory_bytes = 0;     // the budget of a worker at most; 0: as its program says
  std::chrono::milliseconds unload_idle{0};  // workers that nobody used for so long end; 0: never
  std::chrono::milliseconds drain{10'000};   // what calls may take yet when it is to end (SIGTERM)
  bool warm =
      true;  // the default interpreter imports torch before a program asks; not where systemd passes the socket on
};

// Makes this process such a supervisor, and does not return: it runs until SIGTERM, SIGINT, SIGHUP or SharedSupervisor::stop,
// and listens at the socket, or at that which systemd passes on. Its log goes to standard error. Throws Error.
[[noreturn]] void serve(const ServeOptions& options);

struct RunningWorker {
  std::int64_t pid = 0;
  std::string label;        // "owner/name@ref"
  std::string entry;        // what was loaded in it last
  std::string state;        // "ready", "loading", ...
  std::uint64_t calls = 0;  // under way
  std::string sandbox;
  std::int64_t program_pid = 0;  // the program that it belongs to
  std::string program;           // its name
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};  // since it did anything
  std::chrono::milliseconds processor_time{0};
  std::uint64_t private_bytes = 0;
  std::uint64_t shared_bytes = 0;
  std::uint64_t weights_bytes = 0;         // as in ModelInfo
  std::uint64_t common_weights_bytes = 0;  // as in ModelInfo
};

struct RunningSupervisor {
  std::int64_t pid = 0;
  std::chrono::milliseconds age{0};
  std::uint64_t programs = 0;
  std::uint64_t templates = 0;  // interpreters that have torch imported
  std::uint64_t private_bytes = 0;
  std::uint64_t weights_bytes = 0;  // of all workers, equal ones counted once
  bool is_draining = false;         // it was told to end
  std::vector<RunningWorker> workers;
};

struct SupervisorLogLine {
  std::chrono::system_clock::time_point time;
  std::string kind;    // "info", "warning", "error"; "printed": by a worker or an interpreter
  std::string worker;  // that it is about, or that printed it
  std::string text;
};

// Connected to the shared supervisor. All throw Error(System) where it does not answer.
class SharedSupervisor {
 public:
  // Empty: shared_socket().
  explicit SharedSupervisor(const std::string& socket = "");
  ~SharedSupervisor();

  RunningSupervisor look();
  // Ends a worker; its program is told why, by the call that meets it. Error(Usage) where there is none of that pid.
  void stop_worker(std::int64_t pid);
  // It lets nobody in any more, and ends when no call runs, or its time for that is over. Said twice, at once.
  void stop();
  // Waits until it has ended; false where that takes longer.
  bool wait_for_end(std::chrono::milliseconds deadline);
  // The last lines of its log. Where it follows it goes on until the supervisor ends, or `take` throws.
  void read_log(bool follow, const std::function<void(const SupervisorLogLine&)>& take);

 private:
  std::unique_ptr<client::AdminConnection> connection_;
};

}  // namespace hubcell

// The worker's end of the socket to the supervisor: requests from any of its threads, each with its answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "shared/wire/frame.h"

namespace hubcell::worker {

// Thread-safe. Needs no GIL; whoever waits long lets go of it before.
class ControlLine {
 public:
  // `socket` is borrowed.
  explicit ControlLine(int socket);
  ControlLine(const ControlLine&) = delete;
  ControlLine& operator=(const ControlLine&) = delete;

  // Returns the request's number. Throws Error(System) where the supervisor has ended, Error(Usage) in a process that the worker has
  // forked.
  template <class Body>
  std::uint64_t begin(const Body& body) {
    check_process();
    const std::uint64_t request = enter();
    if (!wire::send_frame(socket_, request, body)) throw_ended();
    return request;
  }
  // The same for what is not answered.
  template <class Body>
  void tell(const Body& body) {
    check_process();
    if (!wire::send_frame(socket_, 0, body)) throw_ended();
  }
  // The answer, if it comes within `slice`; it is given once. Throws Error as the supervisor says in a Failure.
  std::optional<wire::Frame> wait(std::uint64_t request, std::chrono::milliseconds slice);
  // Nobody waits for its answer any more.
  void give_up(std::uint64_t request);

 private:
  void check_process() const;
  std::uint64_t enter();
  std::optional<wire::Frame> take(std::uint64_t request);
  [[noreturn]] static void throw_ended();

  const int socket_;
  const int process_;
  std::mutex reading_;  // one thread reads at a time, and hands the others theirs
  std::mutex mutex_;    // guards all below
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, std::optional<wire::Frame>>
      waited_for_;  // by request, with the answer once it is there
};

}  // namespace hubcell::worker

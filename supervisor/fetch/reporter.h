// Tells the supervisor how far a fetch has come, and in the end how it went.
#pragma once

#include <chrono>
#include <string>

#include "shared/wire/fetch_messages.h"

namespace hubcell::fetch {

class Reporter {
 public:
  // Borrows `socket`.
  explicit Reporter(int socket) : socket_(socket) {}

  // Sends at once where `what` is new, else at most ten times a second. False when nobody listens any more:
  // the fetch is to stop. Never throws, so that libgit2 may call it.
  // `done` and `total` count bytes; 0 where that is not known.
  bool progress(const std::string& what, std::uint64_t done = 0, std::uint64_t total = 0) noexcept;

  // The same again, for who waits and has nothing new to tell.
  bool goes_on() noexcept { return progress(std::string(last_what_), last_done_, last_total_); }

  // That there is nobody to ask; part of the result.
  void unreachable() { unreachable_ = true; }

  // One entry of the cache. Throws Error(Cancelled) where nobody listens.
  void entry(wire::CacheEntry entry);

  // Some of a history. The same.
  void history(wire::HistoryPart part);

  // The last message. Its text is made one line that fits.
  void result(wire::FetchResult result);

 private:
  void send(const wire::FetchEvent& event);

  int socket_;
  bool unreachable_ = false;
  std::string last_what_;
  std::uint64_t last_done_ = 0;
  std::uint64_t last_total_ = 0;
  std::chrono::steady_clock::time_point next_send_;
};

}  // namespace hubcell::fetch

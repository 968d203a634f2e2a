// A worker as the caller sees it: a channel to call through, and what the supervisor said about it.
#pragma once

#include <hubcell/hub.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "shared/channel/call_frame.h"
#include "shared/channel/client_channel.h"
#include "shared/wire/messages.h"
#include "tools/client/session.h"

namespace hubcell::client {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

struct HandleLease;

// Thread-safe. Handles and calls in flight keep it alive.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  // `descriptors`: the channel's memfd, the doorbell and the pidfd.
  Worker(std::shared_ptr<Session> session, wire::WorkerOpened opened,
         std::vector<posix::UniqueFd> descriptors);

  // Nobody holds an object of it any more: its process is ended.
  ~Worker();

  ModelInfo info() const;
  // "owner/name@ref", for messages.
  std::string label() const;
  std::uint64_t id() const { return opened_.worker; }
  const HubOptions& options() const { return session_->options(); }
  bool has_ended() const;

  // Starts a call. `what` names it in errors: "call forward". Arguments that are handles must be this
  // worker's: Error(Usage). A worker that has died, before or since, is the outcome that `get` throws.
  std::unique_ptr<PendingCall> begin(channel::CallRequest request, std::string what,
                                     std::chrono::milliseconds deadline);
  // begin and wait.
  Value perform(channel::CallRequest request, std::string what, std::chrono::milliseconds deadline);
  // A load: perform, in brackets that the supervisor sees.
  Value load(channel::CallRequest request, std::chrono::milliseconds deadline);
  void release_handle(std::uint64_t id);

 private:
  friend class PendingCall;
  Value finish(const channel::Ticket& ticket, const std::string& what);
  Value wait(const channel::Ticket& ticket, const std::string& what, std::chrono::milliseconds limit,
             Deadline deadline);
  [[noreturn]] void throw_died(const std::string& what);
  // Interrupts a call that took too long, and kills the worker where that does not help.
  [[noreturn]] void give_up(const channel::Ticket& ticket, const std::string& what,
                            std::chrono::milliseconds limit);
  void check_handles(const Value& value) const;
  void flush_releases();
  void abandon(const channel::Ticket& ticket);
  // Takes the answers of calls whose callers have gone.
  void reap_abandoned();
  bool has_abandoned();
  ValueReadContext read_context();
  std::shared_ptr<HandleLease> bind_handle(std::uint64_t id);

  std::shared_ptr<Session> session_;
  wire::WorkerOpened opened_;
  std::shared_ptr<channel::ClientChannel> channel_;
  std::mutex mutex_;  // guards abandoned_
  std::vector<channel::Ticket> abandoned_;
  std::atomic<bool> reaping_ = false;
  std::atomic<bool> killed_ = false;  // by us: its end may not show yet
  std::atomic<std::size_t> handle_count_ = 0;
};

// A call in flight; its answer is taken once.
class PendingCall {
 public:
  // Without a ticket: the worker had ended before the call began, and `get` says so.
  PendingCall(std::shared_ptr<Worker> worker, std::optional<channel::Ticket> ticket, std::string what,
              std::chrono::milliseconds limit);
  ~PendingCall();
  Value get();

 private:
  std::shared_ptr<Worker> worker_;
  std::optional<channel::Ticket> ticket_;
  std::string what_;
  std::chrono::milliseconds limit_;
  Deadline deadline_;
  std::atomic<bool> taken_ = false;
};

// The lease of a handle: tells its worker when the last copy is gone.
struct HandleLease {
  HandleLease(std::shared_ptr<Worker> owner, std::uint64_t number) : worker(std::move(owner)), id(number) {}
  HandleLease(const HandleLease&) = delete;
  HandleLease& operator=(const HandleLease&) = delete;
  ~HandleLease() { worker->release_handle(id); }
  std::shared_ptr<Worker> worker;
  std::uint64_t id;
};

}  // namespace hubcell::client

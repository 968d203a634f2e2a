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
#include "tools/client/generator_memory.h"
#include "tools/client/handle_lease.h"
#include "tools/client/pending_call.h"
#include "tools/client/session.h"

namespace hubcell::client {

// Thread-safe. Handles and calls in flight keep it alive.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  // `descriptors`: the channel's memfd and the pidfd.
  Worker(std::shared_ptr<Session> session, wire::WorkerOpened opened,
         std::vector<posix::UniqueFd> descriptors, std::uint32_t replica = 0);

  // Ends its process: nobody holds an object of it, and the session does not keep it.
  ~Worker();

  ModelInfo info() const;
  // "owner/name@ref", for messages.
  std::string label() const;
  std::uint64_t id() const { return opened_.worker; }
  std::int64_t pid() const { return opened_.pid; }
  // Of its repository: "owner/name".
  const std::string& name() const { return opened_.name; }
  const std::string& commit() const { return opened_.commit; }
  // Which one of several that are alike, from 0 on.
  std::uint32_t replica() const { return replica_; }
  // Calls that wait for it or run in it.
  std::size_t calls_in_flight() const;
  // Calls that go here and have no slot yet; only counted with replicas. `choose` counts one more, unless they are not `seen` any more.
  unsigned chosen() const { return chosen_; }
  bool choose(unsigned seen) { return chosen_.compare_exchange_strong(seen, seen + 1); }
  void unchoose() { --chosen_; }
  const HubOptions& options() const { return session_->options(); }
  channel::ClientChannel& channel() { return *channel_; }
  bool has_ended() const;
  void kill();
  // Each death is told once: by the calls that were in flight, or by the next.
  bool death_was_told() const { return death_was_told_; }
  void note_told() { death_was_told_ = true; }
  // How it died, once that was told: "the worker was killed by SIGSEGV; its last line: ...".
  std::string death() const;

  // Starts a call. Arguments that are handles must be this worker's: Error(Usage). A worker that has died,
  // before or since, is the outcome that `get` throws.
  std::unique_ptr<PendingCall> begin(channel::CallRequest request, CallPlan plan);
  // begin and wait, under the session's deadline.
  Value perform(channel::CallRequest request, std::string what);
  // The same for what imports hubconf.py, which may fetch as a load may.
  Value perform_with_hubconf(channel::CallRequest request, std::string what);
  // A load: begin, in brackets that the supervisor sees.
  std::unique_ptr<PendingCall> begin_load(channel::CallRequest request, std::chrono::milliseconds limit,
                                          HandlesTaker take_handles);
  // How long it took to get this worker; the next load counts that as its own.
  void note_opening(std::chrono::duration<double> time) { opening_seconds_ = time.count(); }
  void note_load(std::chrono::duration<double> time) {
    load_seconds_ = time.count() + opening_seconds_.exchange(0);
  }
  void release_handle(std::uint64_t id);
  // Gives up a reference. Where that was the last use of the worker the session decides how long it stays.
  static void let_go(std::shared_ptr<Worker> worker);

 private:
  friend class PendingCall;
  // Takes the answer to a call.
  struct Answer {
    Value value;
    std::vector<std::shared_ptr<HandleLease>> handles;  // in it, in their order
    std::size_t segments = 0;                           // of weights that it names
  };
  // `state` is the caller's, `changed` what the call changed of it.
  Answer finish(const channel::Ticket& ticket, const std::string& what, const Value& state, Value& changed);
  wire::WorkerStatus status() const;
  [[noreturn]] void throw_died(const std::string& what);
  void abandon(const channel::Ticket& ticket, const Value& state);

  // Those in reserved memory stay where they are, the others are copied; `placed`: the blocks that the worker gets.
  PlacedTensors place_arguments(std::span<const Tensor* const> tensors, std::vector<std::uint64_t>& placed);
  channel::Ticket enter_slot(std::span<const std::byte> request, const CallPlan& plan);
  std::uint64_t number_handle(const Handle& handle) const;
  std::string label_with_replica() const;
  // Takes the answers of calls whose callers have gone.
  void reap_abandoned();
  std::shared_ptr<HandleLease> bind_handle(std::uint64_t id);
  ValueReadContext context_of(Answer& answer);
  // Weights, in a segment of the supervisor's: a copy as soon as this program writes a page of it.
  MappedBlock map_segment(const Block& block);

  struct Abandoned {
    channel::Ticket ticket;
    Value state;
  };

  std::shared_ptr<Session> session_;
  wire::WorkerOpened opened_;
  std::shared_ptr<channel::ClientChannel> channel_;
  GeneratorMemory generator_;
  const std::uint32_t replica_;
  std::atomic<unsigned> chosen_ = 0;
  mutable std::mutex mutex_;  // guards abandoned_ and death_
  std::vector<Abandoned> abandoned_;
  std::string death_;
  std::atomic<bool> death_was_told_ = false;
  std::atomic<bool> killed_ = false;  // by us: its end may not show yet
  std::atomic<std::size_t> handle_count_ = 0;
  std::atomic<double> opening_seconds_ = 0;
  std::atomic<double> load_seconds_ = 0;
};

// Tells the supervisor that a load runs in a worker, for as long as it lives. Without an `entry` hubconf.py is imported only.
class LoadBracket {
 public:
  LoadBracket(std::shared_ptr<Session> session, std::uint64_t worker, const std::string& entry);
  ~LoadBracket();
  LoadBracket(const LoadBracket&) = delete;
  LoadBracket& operator=(const LoadBracket&) = delete;
  void succeed() { succeeded_ = true; }
  bool is_load() const { return is_load_; }
  void show_progress() { session_->show_progress(model_); }
  std::chrono::steady_clock::time_point began() const { return began_; }

 private:
  std::shared_ptr<Session> session_;
  std::uint64_t worker_;
  std::uint64_t model_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  const bool is_load_;
  bool succeeded_ = false;
};

}  // namespace hubcell::client

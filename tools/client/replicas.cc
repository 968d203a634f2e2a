// Which replica serves a call.
//
// The one with the fewest calls in flight, and of equal ones the first. A program that makes one call after the other so talks to one
// worker: its caches and blocks are warm, it still spins for the next request, it has the caller's random state already, and whatever its calls
// return can meet. Turns would be fairer, but to whom? Nobody waits in one replica while another rests.
//
// In flight is what waits for the worker or runs in it, not what its caller has not taken yet; so the channel's slots are asked. A
// call has no slot until its arguments are written, and is counted by hand until then: two threads that look at once must not choose the
// same worker. That count is only raised from the value that the choice was made by.
//
// One whose worker has died, where that was told, is as good as idle, but behind all that are: a caller loads it again only where the others
// are busy, and one caller at a time. An end in which nothing was in flight is no news to anybody, because replicas hold no state.
#include "tools/client/replicas.h"

#include <algorithm>
#include <array>
#include <compare>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/wire/limits.h"
#include "tools/client/mode_changes.h"
#include "tools/client/model.h"
#include "tools/client/worker.h"

namespace hubcell::client {
namespace {

using channel::CallRequest;
using channel::Verb;

// Operations that change one worker's object, or ask for what one worker has.
constexpr std::array<std::string_view, 10> kOfOneWorker{
    "setitem",          "delitem",  "delattr",      "change", "next",
    "require_gradient", "gradient", "set_gradient", "enter",  "exit"};
constexpr std::array<std::string_view, 3> kMethodsOfOneWorker{"register_buffer", "register_parameter",
                                                              "set_extra_state"};

template <std::size_t Count>
bool is_one_of(const std::array<std::string_view, Count>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

const HandleLease& lease_of(const Handle& handle) {
  return *static_cast<const HandleLease*>(handle.lease.get());
}

std::size_t count_of(const Replicas& replicas) {
  return replicas.others().size() + 1;
}

const HandleLease& lease_in(const HandleLease& first, std::size_t replica) {
  return replica == 0 ? first : *first.replicas()->others().at(replica - 1);
}

[[noreturn]] void refuse(const std::string& what, const std::string& label, const std::string& why) {
  throw Error(ErrorCode::Usage, what + " of " + label + ": " + why);
}

// Changes of a handle that is all replicas reach all; what cannot, or cannot be made again after a death, would leave them different.
void check_all(const CallRequest& request, const std::string& what, const std::string& label) {
  const bool records_change = request.verb == Verb::Operate && request.name == "record" &&
                              !request.arguments.empty() && request.arguments[0].is<std::string>() &&
                              is_mode_method(request.arguments[0].text());
  if (records_change)
    refuse(what, label, "with replicas it is called without gradients; detach its arguments");
  if (changes_model(request) && !is_mode_change(request))
    refuse(what, label, "with replicas it takes tensors and plain values, and no object of a worker");
  if (request.verb == Verb::GetAttribute && is_mode_method(request.name))
    refuse(
        what, label,
        "with replicas it would change one of them only; it has to be a torch.nn.Module's, called by name");
  const bool is_of_one = (request.verb == Verb::Operate && is_one_of(kOfOneWorker, request.name)) ||
                         (request.verb == Verb::Call && is_one_of(kMethodsOfOneWorker, request.name));
  if (is_of_one)
    refuse(what, label,
           "with replicas it would reach one of them only; change all by eval, train, to, load_state_dict "
           "and the like, or by setting "
           "attributes, or use a Hub without replicas");
}

void check_part(const Handle& handle, const CallRequest& request, const std::string& what,
                const std::string& label) {
  if (handle.is_module && changes_model(request))
    refuse(what, label,
           "with replicas a part of a model is in one of them only; change the model as a whole");
}

// Calls `visit` with each handle in a value. What is larger or deeper than a message may be is refused when it is written.
class HandleWalk {
 public:
  explicit HandleWalk(std::function<void(const Handle&)> visit) : visit_(std::move(visit)) {}

  void walk(const CallRequest& request) {
    for (const Value& argument : request.arguments)
      walk(argument, 0);
    for (const auto& [name, argument] : request.keywords)
      walk(argument, 0);
  }

 private:
  void walk(const Value& value, std::size_t depth) {
    if (depth > wire::kValueDepthMax || ++nodes_ > wire::kValueNodesMax) return;
    if (value.is<Handle>()) return visit_(value.as<Handle>());
    if (value.is<Dict>()) {
      for (const auto& [key, item] : value.as<Dict>().items) {
        walk(key, depth + 1);
        walk(item, depth + 1);
      }
    } else if (const std::vector<Value>* items = value.items()) {
      for (const Value& item : *items)
        walk(item, depth + 1);
    }
  }

  std::function<void(const Handle&)> visit_;
  std::size_t nodes_ = 0;
};

// The replica in which what calls returned of the arguments lives, where there is such: one that was asked for then has all of it, or
// writing the request is Error(Usage).
std::optional<std::size_t> replica_of_arguments(const CallRequest& request, const std::string& what) {
  std::optional<std::size_t> found;
  HandleWalk([&](const Handle& handle) {
    if (handle.lease == nullptr || lease_of(handle).replicas() != nullptr || found) return;
    found = serve(lease_of(handle), what).worker->replica();
  }).walk(request);
  return found;
}

// Models that a call is given may have lived in a worker that died, too.
void serve_arguments(const CallRequest& request, const Worker& worker, const std::string& what) {
  HandleWalk([&](const Handle& handle) {
    if (handle.lease == nullptr) return;
    const HandleLease& lease = lease_of(handle);
    const bool is_there = lease.replicas() != nullptr && worker.replica() < count_of(*lease.replicas());
    serve(is_there ? lease_in(lease, worker.replica()) : lease, what);
  }).walk(request);
}

// One caller at a time loads a replica again.
class Claim {
 public:
  explicit Claim(std::shared_ptr<Model> model) : model_(std::move(model)), holds_(model_->claim()) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (holds_) model_->unclaim();
  }
  bool holds() const { return holds_; }

 private:
  std::shared_ptr<Model> model_;
  bool holds_;
};

// How good a choice a replica is; the least is the best.
struct Rank {
  std::size_t hope = 0;  // 0; 1: another caller loads it again; 2: it died each time that it was
  std::size_t calls = 0;
  bool is_dead = false;
  auto operator<=>(const Rank&) const = default;
};

struct Candidate {
  Rank rank;
  const HandleLease* lease = nullptr;
  HandleLease::Place place;
  unsigned chosen = 0;  // calls that had chosen it when it was ranked
};

Candidate rank(const HandleLease& lease) {
  Candidate candidate{.rank = {}, .lease = &lease, .place = lease.place(), .chosen = 0};
  const Worker& worker = *candidate.place.worker;
  candidate.rank.is_dead = worker.death_was_told();
  if (candidate.rank.is_dead) {
    const std::shared_ptr<Model> model = lease.model();
    candidate.rank.hope = model->has_given_up() ? 2U : model->is_claimed() ? 1U : 0U;
  } else {
    candidate.chosen = worker.chosen();
    candidate.rank.calls = candidate.chosen + worker.calls_in_flight();
  }
  return candidate;
}

Candidate best_of(const HandleLease& first) {
  Candidate best = rank(first);
  for (const std::shared_ptr<HandleLease>& other : first.replicas()->others()) {
    Candidate next = rank(*other);
    if (next.rank < best.rank) best = std::move(next);
  }
  return best;
}

Route choose(const HandleLease& first, const std::string& what) {
  for (;;) {
    Candidate best = best_of(first);
    Worker& worker = *best.place.worker;
    if (best.rank.is_dead) {
      const Claim claim(best.lease->model());
      if (!claim.holds() && best.rank.hope == 0) continue;
      return Route(*best.lease, serve(*best.lease, what), false);
    }
    if (!worker.choose(best.chosen)) continue;
    Route route(*best.lease, std::move(best.place), true);
    if (best.rank.calls > 0 || !worker.has_ended()) return route;
    log::info("a replica of " + worker.label() + " has ended, in which nothing was in flight");
    worker.note_told();
  }
}

// A change in one replica.
struct Part {
  std::shared_ptr<Worker> worker;
  std::unique_ptr<PendingCall> call = nullptr;
  Value answer = {};
  std::exception_ptr failure = nullptr;
  bool died = false;
};

template <class Work>
void attempt(Part& part, const Work& work) {
  try {
    work();
  } catch (...) {
    part.failure = std::current_exception();
    part.died = part.worker->has_ended();
  }
}

// Begins in all before it waits for one. Of those whose death was told there is nothing to wait for.
std::vector<Part> change_each(const HandleLease& first, std::size_t chosen, const BeginAt& begin,
                              Value* changed) {
  std::vector<Part> parts;
  const std::size_t count = count_of(*first.replicas());
  for (std::size_t i = 0; i < count; ++i) {
    const HandleLease& lease = lease_in(first, (chosen + i) % count);
    const HandleLease::Place place = lease.place();
    if (place.worker->death_was_told() && i > 0) continue;
    parts.push_back({.worker = place.worker});
    attempt(parts.back(), [&] { parts.back().call = begin(place); });
  }
  for (Part& part : parts) {
    if (part.call)
      attempt(part, [&] { part.answer = part.call->get(&part == parts.data() ? changed : nullptr); });
  }
  return parts;
}

}  // namespace

Route::~Route() {
  if (is_counted_) place_.worker->unchoose();
}

Route find_route(const Handle& handle, const CallRequest& request, const std::string& what) {
  const HandleLease& named = lease_of(handle);
  const std::string label = named.place().worker->label();
  if (named.replicas() == nullptr) {
    check_part(handle, request, what, label);
    Route route(named, serve(named, what), false);
    serve_arguments(request, *route.place().worker, what);
    return route;
  }
  check_all(request, what, label);
  // An object's hash has to stay the same, and differs between replicas.
  const bool is_hash = request.verb == Verb::Operate && request.name == "hash";
  const std::optional<std::size_t> given =
      is_hash ? std::optional<std::size_t>(0) : replica_of_arguments(request, what);
  const bool is_fixed = given && *given < count_of(*named.replicas());
  Route route = is_fixed ? Route(lease_in(named, *given), serve(lease_in(named, *given), what), false)
                         : choose(named, what);
  serve_arguments(request, *route.place().worker, what);
  return route;
}

bool is_for_all(const HandleLease& lease, const CallRequest& request) {
  return lease.replicas() != nullptr && changes_model(request);
}

Value change_all(const Handle& handle, const CallRequest& request, const std::string& what,
                 const BeginAt& begin, Value* changed) {
  const HandleLease& first = lease_of(handle);
  const Replicas& replicas = *first.replicas();
  // Where all have died one is loaded again.
  const std::size_t chosen = find_route(handle, request, what).place().worker->replica();
  const std::unique_lock lock(replicas.group().changing);
  std::vector<Part> parts = change_each(first, chosen, begin, changed);
  const auto decisive = std::ranges::find_if(parts, [](const Part& part) { return !part.died; });
  if (decisive == parts.end()) std::rethrow_exception(parts[0].failure);
  std::exception_ptr failure = decisive->failure;
  for (const Part& part : parts) {
    if (part.failure && !failure) failure = part.failure;
    if (part.died || (part.failure == nullptr) == (decisive->failure == nullptr)) continue;
    log::warn(what + " of " + part.worker->label() + ": replica " +
              std::to_string(part.worker->replica() + 1) + " is not as the others are, and is loaded again");
    part.worker->kill();
    part.worker->note_told();
  }
  if (decisive->failure) std::rethrow_exception(decisive->failure);
  for (std::size_t i = 0; i < count_of(replicas); ++i)
    lease_in(first, i).model()->note_change(first.index(), request);
  if (failure) std::rethrow_exception(failure);
  return std::move(decisive->answer);
}

std::vector<std::int64_t> pids_of(const HandleLease& lease) {
  std::vector<std::int64_t> pids{lease.place().worker->pid()};
  if (lease.replicas() == nullptr) return pids;
  for (const std::shared_ptr<HandleLease>& other : lease.replicas()->others())
    pids.push_back(other->place().worker->pid());
  return pids;
}

ModelInfo info_of(const HandleLease& lease) {
  ModelInfo info = lease.place().worker->info();
  info.pids = pids_of(lease);
  info.replicas = info.pids.size();
  if (lease.replicas() == nullptr) return info;
  for (const std::shared_ptr<HandleLease>& other : lease.replicas()->others())
    info.private_bytes += other->place().worker->info().private_bytes;
  return info;
}

}  // namespace hubcell::client

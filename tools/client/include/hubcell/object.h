// Objects that live in a worker, and calls of them.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/error.h>
#include <hubcell/value.h>

namespace hubcell {

using Arguments = std::vector<Value>;
using Keywords = std::vector<std::pair<std::string, Value>>;

// What a load found out.
struct ModelInfo {
  std::string repository;   // as the caller wrote it, without the ref
  std::string ref;          // the branch, tag or commit that was resolved; empty for a local folder
  std::string commit;       // 40 hex digits; empty for a local folder
  std::string python;       // "3.11.2"
  std::string torch;        // torch.__version__ as it is
  std::string sandbox;      // "minimal", ...
  std::int64_t pid = 0;     // of the worker
  std::string folder;       // the checkout, or the local folder
  double load_seconds = 0;  // of the last load in this worker; of the first with fetching and starting it
  // Of the worker's memory now: what is its own, and what other processes may have too (files, shared memory). What it still
  // shares with the process that it was forked from counts as its own. 0 once it has ended.
  std::uint64_t private_bytes = 0;
  std::uint64_t shared_bytes = 0;
  // Of its weights, what lies in memory that equal ones share, and of this what other workers have, too.
  std::uint64_t weights_bytes = 0;
  std::uint64_t common_weights_bytes = 0;
  // Workers that serve it. `private_bytes` is that of all; all else is said of the first.
  std::size_t replicas = 1;
  std::vector<std::int64_t> pids = {};
};

struct CallOptions {
  std::chrono::milliseconds deadline{0};  // 0: the Hub's
  // Whether gradients are recorded while the worker computes.
  bool grad = false;
  // What the caller's process has set that the call may depend on: a dict of some of "torch" (its
  // torch.get_rng_state(): uint8), "python" (random.getstate()), "numpy" (numpy.random.get_state()), "default_dtype"
  // (a TorchConstant) and "autocast" (a TorchConstant, or None). None: the worker's own.
  Value state = {};
  // call_async: whether it waits, where too many calls are in flight, rather than throw.
  bool waits_for_slot = false;
  // Where a call that waits puts what it changed of the random states in `state`, a dict or None, also when it fails.
  Value* changed_state = nullptr;
};

namespace client {
class Worker;
class PendingCall;
class Session;
}  // namespace client

// A call in flight. Dropping it abandons the answer, not the call.
class Future {
 public:
  explicit Future(std::unique_ptr<client::PendingCall> call);
  Future(Future&&) noexcept;
  Future& operator=(Future&&) noexcept;
  ~Future();
  // Waits for the answer; once. Throws what the call threw, Cancelled, DeadlineExceeded or WorkerDied.
  Value get();
  // Waits for `time` at most; true once `get` has, or had, something to return or to throw without waiting.
  bool wait_for(std::chrono::milliseconds time) const;
  // Whether the worker has begun the call and not answered it yet.
  bool is_running() const;
  // Gives the call up: one that still waits behind others is not begun, one that runs is interrupted, and its
  // worker killed where that does not help. False where the answer was there first. `get` throws
  // Error(Cancelled) afterwards.
  bool cancel();
  // What the call changed of CallOptions::state: a dict, or None. After `get`.
  Value state() const;

 private:
  std::unique_ptr<client::PendingCall> call_;
};

class ObjectIterator;

// An object that lives in a worker. Copies name the same object; when the last is gone the worker drops it.
//
// A worker's death is told once, by the calls in flight or by the next: Error(WorkerDied). The use of what a load returned then loads it
// again, from the same commit, with the same arguments and random states, and what was changed of it by eval, train, to, half and the
// like, requires_grad_, load_state_dict or set_attribute is changed again; where it dies each time, it is tried again after ever longer
// pauses, a few times. What a call returned is Error(StaleHandle).
//
// Under HubOptions::replicas, what a load returned is in several workers. Calls and reads go to the one with the fewest calls in flight; what a
// call returned stays in the worker that answered, and so do calls that are given it. eval, train and the rest of the above change all, before
// they return; they are called with `call`, not `call_async`.
//
// Everything below runs foreign code in the worker, and throws what that raises as Error(Remote).
class Object {
 public:
  // From a handle in a value that a worker answered; Error(Usage) for other values.
  Object(const Value& value);

  // Calls a method of the object.
  Value call(const std::string& method, Arguments arguments = {}, Keywords keywords = {},
             CallOptions options = {}) const;
  // Calls the object itself.
  Value operator()(Arguments arguments = {}, Keywords keywords = {}, CallOptions options = {}) const;
  // Starts a call; an empty `method` is the object itself. Throws Error(Usage) where too many are in flight.
  Future call_async(const std::string& method, Arguments arguments = {}, Keywords keywords = {},
                    CallOptions options = {}) const;

  Value attribute(const std::string& name) const;
  void set_attribute(const std::string& name, Value value) const;
  // object[key], object[key] = value; a key is any value, a Slice or a Tuple of them too.
  Value item(const Value& key) const;
  void set_item(const Value& key, Value value) const;
  bool contains(const Value& value) const;
  std::size_t size() const;
  bool is_true() const;
  bool equals(const Value& other) const;
  // An operation of Python's on the object, by its name in the module operator: "lt", "le", "ne", "gt", "ge",
  // "add", "delitem", ...; also "hash", "delattr", "hasattr". worker/objects/operations.py has the list.
  Value operate(const std::string& operation, Arguments arguments = {}, CallOptions options = {}) const;
  Future operate_async(const std::string& operation, Arguments arguments = {},
                       CallOptions options = {}) const;
  // iter(object): a list's items, a generator's, one step at a time.
  ObjectIterator iterate() const;

  std::string str() const;
  std::string repr() const;
  // Names of the attributes.
  std::vector<std::string> dir() const;
  // What Python's help(object) prints.
  std::string help() const;

  bool is_callable() const { return handle_.is_callable; }
  bool is_module() const { return handle_.is_module; }
  const std::string& class_name() const { return handle_.class_name; }
  ModelInfo info() const;
  // The process of its worker, and those of all its replicas.
  std::int64_t pid() const;
  std::vector<std::int64_t> pids() const;
  // An uninitialised tensor in memory that the object's worker sees: it goes into calls of this worker without a copy. As
  // in-process, what either side writes into it the other one sees, also after a call.
  Tensor empty(DType dtype, std::vector<std::int64_t> shape) const;
  // So that an object can be passed back to its own worker as an argument.
  operator Value() const { return handle_; }

 private:
  Handle handle_;
};

// Steps through an object of the worker: `for (std::optional<Value> item; (item = iterator.next());)`.
class ObjectIterator {
 public:
  explicit ObjectIterator(Object iterator) : iterator_(std::move(iterator)) {}
  // The next item; none at the end.
  std::optional<Value> next();

 private:
  Object iterator_;
};

// Python's `with`: enters a context manager of the worker, and leaves it at the end of the scope. Where that end
// is an exception, the manager is told so.
class With {
 public:
  explicit With(Object manager);
  With(const With&) = delete;
  With& operator=(const With&) = delete;
  ~With();
  // What the manager gives to `as`.
  const Value& value() const { return value_; }

 private:
  Object manager_;
  int exceptions_;
  Value value_;
};

}  // namespace hubcell

#include <hubcell/object.h>

#include <exception>

#include "tools/client/mode_changes.h"
#include "tools/client/model.h"
#include "tools/client/pending_call.h"
#include "tools/client/replicas.h"
#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell {
namespace {

using channel::Verb;

const client::HandleLease& lease_of(const Handle& handle) {
  const auto* lease = static_cast<const client::HandleLease*>(handle.lease.get());
  if (lease == nullptr)
    throw Error(ErrorCode::StaleHandle, "use a " + handle.class_name + ": the handle names no object");
  return *lease;
}

Handle handle_of(const Value& value) {
  if (!value.is<Handle>()) {
    throw Error(ErrorCode::Usage,
                "use " + value.describe() + " as an object: it is a value, not a handle; index it first");
  }
  return value.as<Handle>();
}

channel::CallRequest request_of(Verb verb, std::string name, Arguments arguments) {
  channel::CallRequest request;
  request.verb = verb;
  request.name = std::move(name);
  request.arguments = std::move(arguments);
  return request;
}

// Tells the model of a handle that a call of it was answered, and what that changed.
client::HandlesTaker note_to_model(const client::HandleLease& lease, const channel::CallRequest& request) {
  std::shared_ptr<client::Model> model = lease.model();
  if (!model) return nullptr;
  std::shared_ptr<const channel::CallRequest> change;
  if (client::is_mode_change(request)) change = std::make_shared<const channel::CallRequest>(request);
  return [model = std::move(model), index = lease.index(), change = std::move(change)](auto) {
    model->note_answer(index, change.get());
  };
}

// In the worker of `place`, where the object is.
std::unique_ptr<client::PendingCall> begin_at(const client::HandleLease::Place& place,
                                              channel::CallRequest request, CallOptions options,
                                              std::string what, client::HandlesTaker on_answer) {
  request.target = place.id;
  request.grad_enabled = options.grad;
  client::CallPlan plan{
      .what = std::move(what),
      .limit = options.deadline.count() > 0 ? options.deadline : place.worker->options().deadline,
      .waits_for_slot = options.waits_for_slot,
      .on_answer = std::move(on_answer)};
  request.state = std::move(options.state);
  return place.worker->begin(std::move(request), std::move(plan));
}

// In the replica that is to serve it.
std::unique_ptr<client::PendingCall> begin_routed(const Handle& handle, channel::CallRequest request,
                                                  CallOptions options, std::string what) {
  if (client::is_for_all(lease_of(handle), request))
    throw Error(ErrorCode::Usage, what + ": it changes all replicas, and is waited for; begin it with call");
  const client::Route route = client::find_route(handle, request, what);
  client::HandlesTaker on_answer = note_to_model(route.lease(), request);
  return begin_at(route.place(), std::move(request), std::move(options), std::move(what),
                  std::move(on_answer));
}

// `what` names it in errors.
std::unique_ptr<client::PendingCall> begin(const Handle& handle, channel::CallRequest request,
                                           CallOptions options, std::string what) {
  const client::HandleLease& lease = lease_of(handle);
  if (lease.replicas() != nullptr)
    return begin_routed(handle, std::move(request), std::move(options), std::move(what));
  const client::HandleLease::Place place = client::serve(lease, what);
  if (place.worker->options().replicas > 1)
    return begin_routed(handle, std::move(request), std::move(options), std::move(what));
  // Models that a call is given may have lived in a worker that died, too.
  for (const Value& argument : request.arguments) {
    if (argument.is<Handle>()) client::serve(lease_of(argument.as<Handle>()), what);
  }
  client::HandlesTaker on_answer = note_to_model(lease, request);
  return begin_at(place, std::move(request), std::move(options), std::move(what), std::move(on_answer));
}

// Begins it, and waits for its answer.
Value perform(const Handle& handle, channel::CallRequest request, CallOptions options, std::string what) {
  Value* changed = options.changed_state;
  options.waits_for_slot = true;
  if (!client::is_for_all(lease_of(handle), request))
    return begin(handle, std::move(request), std::move(options), std::move(what))->get(changed);
  const auto begin_in = [&](const client::HandleLease::Place& place) {
    return begin_at(place, request, options, what, nullptr);
  };
  return client::change_all(handle, request, what, begin_in, changed);
}

channel::CallRequest call_of(const std::string& method, Arguments arguments, Keywords keywords) {
  channel::CallRequest request = request_of(Verb::Call, method, std::move(arguments));
  request.keywords = std::move(keywords);
  return request;
}

std::string describe_call(const Handle& handle, const std::string& method) {
  return "call " + (method.empty() ? handle.label() : method);
}

std::string describe_operation(const Handle& handle, const std::string& operation) {
  return operation + " of a " + handle.label();
}

}  // namespace

Future::Future(std::unique_ptr<client::PendingCall> call) : call_(std::move(call)) {}
Future::Future(Future&&) noexcept = default;
Future& Future::operator=(Future&&) noexcept = default;
Future::~Future() = default;
Value Future::get() {
  return call_->get();
}
bool Future::wait_for(std::chrono::milliseconds time) const {
  return call_->wait_for(time);
}
bool Future::is_running() const {
  return call_->is_running();
}
bool Future::cancel() {
  return call_->cancel();
}
Value Future::state() const {
  return call_->changed_state();
}

Object::Object(const Value& value) : handle_(handle_of(value)) {}

Future Object::call_async(const std::string& method, Arguments arguments, Keywords keywords,
                          CallOptions options) const {
  return Future(begin(handle_, call_of(method, std::move(arguments), std::move(keywords)), std::move(options),
                      describe_call(handle_, method)));
}

Value Object::call(const std::string& method, Arguments arguments, Keywords keywords,
                   CallOptions options) const {
  return perform(handle_, call_of(method, std::move(arguments), std::move(keywords)), std::move(options),
                 describe_call(handle_, method));
}

Value Object::operator()(Arguments arguments, Keywords keywords, CallOptions options) const {
  return call("", std::move(arguments), std::move(keywords), std::move(options));
}

Value Object::attribute(const std::string& name) const {
  return perform(handle_, request_of(Verb::GetAttribute, name, {}), {}, "read ." + name);
}

Value Object::operate(const std::string& operation, Arguments arguments, CallOptions options) const {
  return perform(handle_, request_of(Verb::Operate, operation, std::move(arguments)), std::move(options),
                 describe_operation(handle_, operation));
}

void Object::set_attribute(const std::string& name, Value value) const {
  operate("setattr", {name, std::move(value)});
}

Value Object::item(const Value& key) const {
  return operate("getitem", {key});
}

void Object::set_item(const Value& key, Value value) const {
  operate("setitem", {key, std::move(value)});
}

bool Object::contains(const Value& value) const {
  return operate("contains", {value}).as<bool>();
}

std::size_t Object::size() const {
  return static_cast<std::size_t>(operate("len").integer());
}

bool Object::is_true() const {
  return operate("bool").as<bool>();
}

Future Object::operate_async(const std::string& operation, Arguments arguments, CallOptions options) const {
  options.waits_for_slot = true;
  return Future(begin(handle_, request_of(Verb::Operate, operation, std::move(arguments)), std::move(options),
                      describe_operation(handle_, operation)));
}

// What `==` of foreign classes answers need not be a bool: of two arrays, say, it is an array.
bool Object::equals(const Value& other) const {
  const Value answer = operate("eq", {other});
  return answer.is<Handle>() ? Object(answer).is_true() : answer.as<bool>();
}

ObjectIterator Object::iterate() const {
  return ObjectIterator(operate("iter"));
}

std::string Object::str() const {
  return operate("str").text();
}

std::string Object::repr() const {
  return operate("repr").text();
}

std::vector<std::string> Object::dir() const {
  const Value names = operate("dir");
  std::vector<std::string> list;
  for (const Value& name : names.as<List>().items)
    list.push_back(name.text());
  return list;
}

std::string Object::help() const {
  return operate("help").text();
}

ModelInfo Object::info() const {
  return client::info_of(lease_of(handle_));
}

std::int64_t Object::pid() const {
  return lease_of(handle_).place().worker->pid();
}

std::vector<std::int64_t> Object::pids() const {
  return client::pids_of(lease_of(handle_));
}

Tensor Object::empty(DType dtype, std::vector<std::int64_t> shape) const {
  const Tensor described(dtype, std::move(shape), nullptr, nullptr);
  if (described.count() == 0) return described;
  const client::HandleLease::Place place = client::serve(lease_of(handle_), "reserve memory");
  MappedBlock block = place.worker->channel().reserve(described.bytes());
  return Tensor(dtype, described.shape(), std::move(block.owner), block.data);
}

std::optional<Value> ObjectIterator::next() {
  const Value step = iterator_.operate("next");
  if (step.size() == 0) return std::nullopt;
  return step[0];
}

With::With(Object manager)
    : manager_(std::move(manager)),
      exceptions_(std::uncaught_exceptions()),
      value_(manager_.operate("enter")) {}

With::~With() {
  const bool fails = std::uncaught_exceptions() > exceptions_;
  try {
    manager_.operate("exit", fails ? Arguments{"an exception in the caller's program"} : Arguments{});
  } catch (const Error&) {
    // A destructor has nobody to tell; the worker's own end is told by the next call.
  }
}

}  // namespace hubcell

#include <hubcell/object.h>

#include <exception>

#include "tools/client/pending_call.h"
#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell {
namespace {

using channel::Verb;

client::Worker& worker_of(const Handle& handle) {
  const auto* lease = static_cast<const client::HandleLease*>(handle.lease.get());
  if (lease == nullptr)
    throw Error(ErrorCode::StaleHandle, "use a " + handle.class_name + ": the handle names no object");
  return *lease->worker;
}

Handle handle_of(const Value& value) {
  if (!value.is<Handle>()) {
    throw Error(ErrorCode::Usage,
                "use " + value.describe() + " as an object: it is a value, not a handle; index it first");
  }
  return value.as<Handle>();
}

channel::CallRequest request_of(Verb verb, const Handle& handle, std::string name, Arguments arguments) {
  channel::CallRequest request;
  request.verb = verb;
  request.target = handle.id;
  request.name = std::move(name);
  request.arguments = std::move(arguments);
  return request;
}

// `what` names it in errors.
std::unique_ptr<client::PendingCall> begin(const Handle& handle, channel::CallRequest request,
                                           CallOptions options, std::string what) {
  client::Worker& worker = worker_of(handle);
  request.grad_enabled = options.grad;
  request.state = std::move(options.state);
  return worker.begin(std::move(request),
                      {.what = std::move(what),
                       .limit = options.deadline.count() > 0 ? options.deadline : worker.options().deadline,
                       .waits_for_slot = options.waits_for_slot});
}

std::unique_ptr<client::PendingCall> begin_call(const Handle& handle, const std::string& method,
                                                Arguments arguments, Keywords keywords, CallOptions options) {
  channel::CallRequest request = request_of(Verb::Call, handle, method, std::move(arguments));
  request.keywords = std::move(keywords);
  return begin(handle, std::move(request), std::move(options),
               "call " + (method.empty() ? handle.label() : method));
}

std::unique_ptr<client::PendingCall> begin_operation(const Handle& handle, const std::string& operation,
                                                     Arguments arguments, CallOptions options) {
  options.waits_for_slot = true;
  return begin(handle, request_of(Verb::Operate, handle, operation, std::move(arguments)), std::move(options),
               operation + " of a " + handle.label());
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
  return Future(begin_call(handle_, method, std::move(arguments), std::move(keywords), std::move(options)));
}

Value Object::call(const std::string& method, Arguments arguments, Keywords keywords,
                   CallOptions options) const {
  Value* changed = options.changed_state;
  options.waits_for_slot = true;
  return begin_call(handle_, method, std::move(arguments), std::move(keywords), std::move(options))
      ->get(changed);
}

Value Object::operator()(Arguments arguments, Keywords keywords, CallOptions options) const {
  return call("", std::move(arguments), std::move(keywords), std::move(options));
}

Value Object::attribute(const std::string& name) const {
  return worker_of(handle_).perform(request_of(Verb::GetAttribute, handle_, name, {}), "read ." + name);
}

Value Object::operate(const std::string& operation, Arguments arguments, CallOptions options) const {
  Value* changed = options.changed_state;
  return begin_operation(handle_, operation, std::move(arguments), std::move(options))->get(changed);
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
  return Future(begin_operation(handle_, operation, std::move(arguments), std::move(options)));
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
  return worker_of(handle_).info();
}

std::int64_t Object::pid() const {
  return worker_of(handle_).pid();
}

Tensor Object::empty(DType dtype, std::vector<std::int64_t> shape) const {
  const Tensor described(dtype, std::move(shape), nullptr, nullptr);
  if (described.count() == 0) return described;
  MappedBlock block = worker_of(handle_).channel().reserve(described.bytes());
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

#include <hubcell/hub.h>

#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell {
namespace {

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

channel::CallRequest request_of(channel::Verb verb, std::string name, Arguments arguments = {},
                                Keywords keywords = {}) {
  channel::CallRequest request;
  request.verb = verb;
  request.name = std::move(name);
  request.arguments = std::move(arguments);
  request.keywords = std::move(keywords);
  return request;
}

// What `verb` says about one object.
Value ask(const Handle& handle, channel::Verb verb, const std::string& name, const std::string& what) {
  client::Worker& worker = worker_of(handle);
  channel::CallRequest request = request_of(verb, name);
  request.target = handle.id;
  return worker.perform(std::move(request), what, worker.options().deadline);
}

}  // namespace

Future::Future(std::unique_ptr<client::PendingCall> call) : call_(std::move(call)) {}
Future::Future(Future&&) noexcept = default;
Future& Future::operator=(Future&&) noexcept = default;
Future::~Future() = default;
Value Future::get() {
  return call_->get();
}

Object::Object(const Value& value) : handle_(handle_of(value)) {}

Future Object::call_async(const std::string& method, Arguments arguments, Keywords keywords,
                          CallOptions options) const {
  client::Worker& worker = worker_of(handle_);
  channel::CallRequest request =
      request_of(channel::Verb::Call, method, std::move(arguments), std::move(keywords));
  request.target = handle_.id;
  const auto deadline = options.deadline.count() > 0 ? options.deadline : worker.options().deadline;
  return Future(
      worker.begin(std::move(request), "call " + (method.empty() ? handle_.class_name : method), deadline));
}

Value Object::call(const std::string& method, Arguments arguments, Keywords keywords,
                   CallOptions options) const {
  return call_async(method, std::move(arguments), std::move(keywords), options).get();
}

Value Object::operator()(Arguments arguments, Keywords keywords, CallOptions options) const {
  return call_async("", std::move(arguments), std::move(keywords), options).get();
}

Value Object::attribute(const std::string& name) const {
  return ask(handle_, channel::Verb::GetAttribute, name, "read ." + name);
}

std::string Object::repr() const {
  return ask(handle_, channel::Verb::Represent, "", "show a " + handle_.class_name).text();
}

ModelInfo Object::info() const {
  return worker_of(handle_).info();
}

Hub::Hub(HubOptions options) : session_(client::Session::start(std::move(options))) {}
Hub::~Hub() {
  if (session_) session_->close();
}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&& other) noexcept {
  std::swap(session_, other.session_);
  return *this;
}

Value Hub::load(const std::string& repository, const std::string& entry, Arguments arguments,
                Keywords keywords) {
  return session_->open_worker(repository)
      ->load(request_of(channel::Verb::Load, entry, std::move(arguments), std::move(keywords)),
             session_->options().deadline);
}

std::vector<std::string> Hub::list(const std::string& repository) {
  const Value names = session_->open_worker(repository)
                          ->perform(request_of(channel::Verb::List, ""), "list the entrypoints",
                                    session_->options().deadline);
  std::vector<std::string> list;
  for (const Value& name : names.as<List>().items)
    list.push_back(name.text());
  return list;
}

std::string Hub::help(const std::string& repository, const std::string& entry) {
  return session_->open_worker(repository)
      ->perform(request_of(channel::Verb::Help, entry), "show the help", session_->options().deadline)
      .text();
}

std::vector<Value> Hub::make_inputs(const std::string& repository, const std::vector<InputSpec>& specs,
                                    std::optional<std::uint64_t> seed) {
  List items;
  for (const InputSpec& spec : specs) {
    if (spec.content.empty()) {
      items.items.emplace_back(spec.spec);
      continue;
    }
    Tensor content = Tensor::zeros(DType::UInt8, {static_cast<std::int64_t>(spec.content.size())});
    copy_items(content, spec.content.data(), spec.content.size());
    items.items.emplace_back(Tuple{{spec.spec, content}});
  }
  const Value seed_value = seed ? Value(static_cast<std::int64_t>(*seed)) : Value();
  const Value inputs = session_->open_worker(repository)
                           ->perform(request_of(channel::Verb::MakeInputs, "", {seed_value, items}),
                                     "make the inputs", session_->options().deadline);
  if (!inputs.is<Tuple>() || inputs.size() != specs.size()) {
    throw Error(ErrorCode::Protocol, "make " + std::to_string(specs.size()) + " inputs: the worker of " +
                                         repository + " answered with " + inputs.describe());
  }
  return inputs.as<Tuple>().items;
}

ModelInfo Hub::info(const std::string& repository) {
  return session_->open_worker(repository)->info();
}

Hub::Diagnosis Hub::diagnose() {
  const wire::Diagnosis found = session_->diagnose();
  Diagnosis diagnosis{.python_path = found.python_path,
                      .python = found.python_version,
                      .torch = found.torch_version,
                      .layers = {}};
  for (const wire::LayerReport& layer : found.layers) {
    diagnosis.layers.push_back({.name = layer.name, .holds = layer.holds, .detail = layer.detail});
  }
  return diagnosis;
}

const char* version() {
  return HUBCELL_VERSION;
}

}  // namespace hubcell

#include <hubcell/hub.h>

#include "shared/base/url_text.h"
#include "tools/client/model.h"
#include "tools/client/replicated_load.h"
#include "tools/client/session.h"
#include "tools/client/worker.h"

namespace hubcell {
namespace {

channel::CallRequest request_of(channel::Verb verb, std::string name, Arguments arguments = {},
                                Keywords keywords = {}) {
  channel::CallRequest request;
  request.verb = verb;
  request.name = std::move(name);
  request.arguments = std::move(arguments);
  request.keywords = std::move(keywords);
  return request;
}

std::vector<std::string> texts_of(const Value& list) {
  std::vector<std::string> texts;
  for (const Value& item : list.as<List>().items)
    texts.push_back(item.text());
  return texts;
}

}  // namespace

Hub::Hub(HubOptions options) : session_(client::Session::start(std::move(options))) {}
Hub::Hub(std::shared_ptr<client::Session> session) : session_(std::move(session)) {}
Hub Hub::beside(HubOptions options) const {
  return Hub(session_->beside(std::move(options)));
}
Hub::~Hub() {
  if (session_) session_->close();
}
void Hub::close() {
  session_->end();
}
void Hub::abandon() {
  session_->abandon();
}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&& other) noexcept {
  std::swap(session_, other.session_);
  return *this;
}

std::unique_ptr<client::PendingCall> Hub::begin_load(const std::string& repository, const std::string& entry,
                                                     Arguments arguments, Keywords keywords,
                                                     CallOptions options) {
  channel::CallRequest request =
      request_of(channel::Verb::Load, entry, std::move(arguments), std::move(keywords));
  request.grad_enabled = options.grad;
  request.state = std::move(options.state);
  const auto limit = options.deadline.count() > 0 ? options.deadline : session_->options().deadline;
  if (session_->options().replicas > 1)
    return client::begin_replicated_load(session_, repository, std::move(request), limit);
  const std::shared_ptr<client::Worker> worker = session_->open_worker(repository);
  const auto model = std::make_shared<client::Model>(
      session_, client::LoadRecipe{.repository = repository, .request = request, .limit = limit});
  return worker->begin_load(std::move(request), limit,
                            [model, worker](auto handles) { model->adopt(worker, handles); });
}

Future Hub::load_async(const std::string& repository, const std::string& entry, Arguments arguments,
                       Keywords keywords, CallOptions options) {
  return Future(begin_load(repository, entry, std::move(arguments), std::move(keywords), std::move(options)));
}

Value Hub::load(const std::string& repository, const std::string& entry, Arguments arguments,
                Keywords keywords, CallOptions options) {
  Value* changed = options.changed_state;
  return begin_load(repository, entry, std::move(arguments), std::move(keywords), std::move(options))
      ->get(changed);
}

std::vector<std::string> Hub::list(const std::string& repository) {
  return texts_of(session_->open_worker(repository)
                      ->perform_with_hubconf(request_of(channel::Verb::List, ""), "list the entrypoints"));
}

std::vector<std::string> Hub::dependencies(const std::string& repository) {
  return texts_of(
      session_->open_worker(repository)
          ->perform_with_hubconf(request_of(channel::Verb::Dependencies, ""), "list the dependencies"));
}

std::optional<std::string> Hub::docstring(const std::string& repository, const std::string& entry) {
  const Value answer =
      session_->open_worker(repository)
          ->perform_with_hubconf(request_of(channel::Verb::Docstring, entry), "show the help");
  if (answer.is<None>()) return std::nullopt;
  return answer.text();
}

std::string Hub::help(const std::string& repository, const std::string& entry) {
  return session_->open_worker(repository)
      ->perform_with_hubconf(request_of(channel::Verb::Help, entry), "show the help")
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
  const Value inputs =
      session_->open_worker(repository)
          ->perform(request_of(channel::Verb::MakeInputs, "", {seed_value, items}), "make the inputs");
  if (!inputs.is<Tuple>() || inputs.size() != specs.size()) {
    throw Error(ErrorCode::Protocol, "make " + std::to_string(specs.size()) + " inputs: the worker of " +
                                         repository + " answered with " + inputs.describe());
  }
  return inputs.as<Tuple>().items;
}

std::vector<Observation> Hub::observed(const std::string& repository) {
  const Value notes = session_->open_worker(repository)
                          ->perform(request_of(channel::Verb::Observed, ""), "tell what was observed");
  std::vector<Observation> observations;
  for (const Value& note : notes.as<List>().items) {
    const std::vector<Value>& parts = note.as<Tuple>().items;
    if (parts.size() != 3) {
      throw Error(ErrorCode::Protocol, "tell what was observed: the worker of " + repository +
                                           " answered with " + note.describe());
    }
    Observation seen{.kind = parts[0].text(), .what = parts[1].text(), .refusal = parts[2].text()};
    if (seen.kind == "fetch") seen.host = plain_host_of(seen.what);
    observations.push_back(std::move(seen));
  }
  return observations;
}

ModelInfo Hub::info(const std::string& repository) {
  return session_->open_worker(repository)->info();
}

ModelInfo Hub::reload(const std::string& repository) {
  ModelInfo info = session_->open_worker(repository, true)->info();
  for (unsigned replica = 1; replica < session_->options().replicas; ++replica)
    session_->open_worker(repository, true, replica);
  return info;
}

const HubOptions& Hub::options() const {
  return session_->options();
}

Hub::Diagnosis Hub::diagnose() {
  const wire::Diagnosis found = session_->diagnose();
  Diagnosis diagnosis{.python_path = found.python_path,
                      .python = found.python_version,
                      .torch = found.torch_version,
                      .layers = {}};
  for (const wire::LayerReport& layer : found.layers) {
    diagnosis.layers.push_back(
        {.name = layer.name, .holds = layer.holds, .needed = layer.needed, .detail = layer.detail});
  }
  return diagnosis;
}

const char* version() {
  return HUBCELL_VERSION;
}

}  // namespace hubcell

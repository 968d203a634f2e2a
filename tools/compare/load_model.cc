#include <hubcell/compare.h>

#include <algorithm>

namespace hubcell::compare {
namespace {

constexpr std::size_t kDependenciesMax = 100;
constexpr std::size_t kTextBytesMax = 4096;

// The first that can be called.
Object choose_callable(const Value& loaded, const std::string& entry) {
  const auto is_callable = [](const Value& value) {
    return value.is<Handle>() && value.as<Handle>().is_callable;
  };
  if (is_callable(loaded)) return Object(loaded);
  if (const std::vector<Value>* items = loaded.items()) {
    const auto found = std::ranges::find_if(*items, is_callable);
    if (found != items->end()) return Object(*found);
  }
  throw Error(ErrorCode::Usage, "call what " + entry + " returned: it is " + loaded.describe() +
                                    ", which holds nothing that can be called");
}

// "net(scale=1.0)" and its docstring, as the worker says them.
void describe_entrypoint(Hub& hub, const LoadPlan& plan, Side& side) {
  const std::string help = hub.help(plan.repository, plan.entry);
  const std::size_t end = help.find("\n\n");
  side.signature = help.substr(0, end).substr(0, kTextBytesMax);
  if (end != std::string::npos) side.docstring = help.substr(end + 2, kTextBytesMax);
  side.dependencies = hub.dependencies(plan.repository);
  side.dependencies.resize(std::min(side.dependencies.size(), kDependenciesMax));
}

void load(Hub& hub, const LoadPlan& plan, Model& model) {
  Side& side = model.side;
  // Fetched, and its worker started.
  side.info = hub.info(plan.repository);
  if (side.label.empty()) side.label = side.info.ref;
  const auto began = std::chrono::steady_clock::now();
  const Value loaded = hub.load(plan.repository, plan.entry, plan.positional, plan.named);
  side.load_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  model.object = plan.choose ? plan.choose(loaded) : choose_callable(loaded, plan.entry);
  if (model.object->is_module() && !plan.train) model.object->call("eval");
  describe_entrypoint(hub, plan, side);
  side.info = hub.info(plan.repository);
}

}  // namespace

Model load_model(Hub& hub, const LoadPlan& plan) {
  Model model{.side = {.name = plan.repository, .label = plan.label, .entry = plan.entry}, .hub = &hub};
  try {
    load(hub, plan, model);
  } catch (const Error& failure) {
    if (failure.code() == ErrorCode::Cancelled || failure.code() == ErrorCode::Usage) throw;
    model.object.reset();
    model.side.failure = failure.what();
  }
  return model;
}

}  // namespace hubcell::compare

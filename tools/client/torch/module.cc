// What a libtorch program has set that a call depends on goes along with it: the state of torch's generator, and
// comes back where the call moved it, so that a model draws the numbers that it would draw in this process.
#include <hubcell/torch.h>

#include <algorithm>
#include <mutex>

namespace hubcell::torch {
namespace {

constexpr const char* kGenerator = "torch";

at::Tensor generator_state() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::scoped_lock lock(generator.mutex());
  return generator.get_state();
}

// A state that libtorch refuses, which only a lying worker sends, is as good as none.
void set_generator_state(const hubcell::Tensor& state) noexcept {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::scoped_lock lock(generator.mutex());
  try {
    generator.set_state(to_tensor(state).clone());
  } catch (const std::exception&) {
    return;
  }
}

// Gives this program's generator the state to which a call moved it, however the call ended.
class GeneratorReturn {
 public:
  Value* changed() { return &changed_; }
  GeneratorReturn() = default;
  GeneratorReturn(const GeneratorReturn&) = delete;
  GeneratorReturn& operator=(const GeneratorReturn&) = delete;
  ~GeneratorReturn() {
    const Value* state = changed_.is<Dict>() ? changed_.find(kGenerator) : nullptr;
    if (state != nullptr && state->is<hubcell::Tensor>()) set_generator_state(state->tensor());
  }

 private:
  Value changed_;
};

Dict state_of_call() {
  return Dict{.items = {{kGenerator, from_tensor(generator_state())}}};
}

// A seed takes the place of the caller's generator.
Dict state_of_load(const HubOptions& options) {
  Dict state = options.seed ? Dict{} : state_of_call();
  const auto dtype = find_dtype(at::typeMetaToScalarType(at::get_default_dtype()));
  if (dtype) state.items.emplace_back("default_dtype", *dtype);
  return state;
}

bool wants_gradients(const std::vector<c10::IValue>& inputs) {
  if (!at::GradMode::is_enabled()) return false;
  return std::ranges::any_of(inputs, [](const c10::IValue& input) {
    return input.isTensor() && input.toTensor().defined() && input.toTensor().requires_grad();
  });
}

}  // namespace

c10::IValue Method::operator()(std::vector<c10::IValue> inputs) const {
  GeneratorReturn generator;
  CallOptions options{.grad = wants_gradients(inputs), .state = {}, .changed_state = generator.changed()};
  if (rng_) options.state = state_of_call();
  return to_ivalue(object_.call(name_, to_values(inputs), {}, std::move(options)));
}

c10::IValue Module::forward(std::vector<c10::IValue> inputs) const {
  return Method(object_, "", rng_)(std::move(inputs));
}

c10::IValue Module::attr(const std::string& name) const {
  return to_ivalue(object_.attribute(name));
}

// An nn.Module answers its train() and eval() with itself: the handle is dropped.
void Module::train(bool on) const {
  object_.call(on ? "train" : "eval");
}

Module load(Hub& hub, const std::string& repository, const std::string& entry, Arguments arguments,
            Keywords keywords) {
  GeneratorReturn generator;
  const Value loaded = hub.load(repository, entry, std::move(arguments), std::move(keywords),
                                {.grad = at::GradMode::is_enabled(),
                                 .state = state_of_load(hub.options()),
                                 .changed_state = generator.changed()});
  if (loaded.is<Handle>()) return Module(loaded);
  throw Error(ErrorCode::Usage, "load " + entry + " of " + repository + " as a module: it returned " +
                                    loaded.describe() +
                                    "; use Hub::load and make the Module of the part that is one");
}

}  // namespace hubcell::torch

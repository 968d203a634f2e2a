#include "tools/cli/call.h"

#include <utility>
#include <variant>

#include <hubcell/error.h>

namespace hubcell::cli {

void CallArguments::add(const std::string& name, Value value) {
  if (name.empty()) {
    positional.push_back(std::move(value));
  } else {
    named.emplace_back(name, std::move(value));
  }
}

CallArguments entry_arguments(const Options& options) {
  CallArguments arguments;
  for (const NamedArgument& argument : options.arguments)
    arguments.add(argument.name, argument.value);
  return arguments;
}

std::vector<InputSpec> read_specs(const Options& options) {
  std::vector<InputSpec> specs;
  for (const CallInput& input : options.inputs) {
    if (const auto* spec = std::get_if<InputSpec>(&input.input)) specs.push_back(with_content(*spec));
  }
  return specs;
}

CallArguments make_arguments(Hub& hub, const std::string& repository, const Options& options,
                             const std::vector<InputSpec>& specs) {
  std::vector<Value> made;
  if (!specs.empty()) made = hub.make_inputs(repository, specs, options.input_seed);
  CallArguments arguments;
  auto next = made.begin();
  for (const CallInput& input : options.inputs) {
    const auto* given = std::get_if<Value>(&input.input);
    arguments.add(input.name, given != nullptr ? *given : *next++);
  }
  return arguments;
}

Object callable_of(const Target& target, const std::string& repository, const Options& options) {
  const bool fits = options.method.empty() ? is_callable(target.value) : target.value.is<Handle>();
  if (!fits) {
    throw Error(ErrorCode::Usage, "call what " + options.entry + " of " + repository + " returned: it is " +
                                      target.value.describe() +
                                      ", which cannot be called; name the part with --pick");
  }
  return Object(target.value);
}

std::string second_repository(Hub& hub, const Options& options) {
  if (!options.other.starts_with('@')) return options.other;
  return hub.info(options.repository).repository + options.other;
}

Value call_object(const Object& object, CallArguments arguments, const Options& options) {
  if (options.method.empty()) return object(std::move(arguments.positional), std::move(arguments.named));
  return object.call(options.method, std::move(arguments.positional), std::move(arguments.named));
}

}  // namespace hubcell::cli

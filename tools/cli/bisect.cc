#include "tools/cli/bisect.h"

#include <unistd.h>

#include <iostream>
#include <optional>

#include <hubcell/bisect.h>

#include "tools/cli/call.h"
#include "tools/cli/json_output.h"
#include "tools/compare/numbers/condition.h"
#include "tools/compare/numbers/figures.h"
#include "tools/compare/search/bisect_json.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr std::size_t kShortDigits = 7;

bool calls(const Options& options) {
  return !options.inputs.empty() || !options.method.empty();
}

// Loads and calls it as `run` does.
Value answer_of(Hub& hub, const std::string& repository, CallArguments inputs, const Options& options) {
  CallArguments arguments = entry_arguments(options);
  const Value loaded =
      hub.load(repository, options.entry, std::move(arguments.positional), std::move(arguments.named));
  if (!calls(options)) {
    Value answer = walk(loaded, options.pick);
    if (answer.is<Handle>()) {
      throw Error(ErrorCode::Usage, "compare what " + options.entry + " of " + repository +
                                        " returned: it is " + answer.describe() +
                                        "; say how to call it, with -x or --call");
    }
    return answer;
  }
  const Target target = walk_to_callable(loaded, options.pick);
  const Object object = callable_of(target, repository, options);
  if (object.is_module() && !options.train) object.call("eval");
  return walk(call_object(object, std::move(inputs), options), target.remaining);
}

// --fail-if, asked of a comparison of these answers alone.
bool holds(const compare::Condition& condition, const compare::ValueDifference& difference) {
  compare::Comparison comparison;
  comparison.inputs.resize(1);
  comparison.inputs[0].difference = difference;
  const std::vector<compare::Figure> figures = compare::figures_of(comparison);
  return condition.evaluate([&](std::string_view name) -> std::optional<double> {
    for (const compare::Figure& figure : figures)
      if (figure.name == name) return figure.value;
    return std::nullopt;
  });
}

// `bisect: 2 of about 6 steps, trying 3f2a91c "Fix padding" and 1 more`
std::string describe(const compare::BisectStep& step) {
  const std::string place =
      step.step == 0 ? "both ends"
                     : std::to_string(step.step) + " of about " + std::to_string(step.steps) + " steps";
  const Commit& first = step.trying.front();
  std::string text =
      "bisect: " + place + ", trying " + first.id.substr(0, kShortDigits) + " \"" + first.subject + "\"";
  if (step.trying.size() > 1) text += " and " + std::to_string(step.trying.size() - 1) + " more";
  return text;
}

void show(const compare::Bisection& found, const Options& options) {
  if (options.json) {
    std::cout << dump(compare::to_json(found)) << '\n';
    return;
  }
  std::cout << compare::to_text(found, {.columns = terminal_columns(STDOUT_FILENO),
                                        .colours = text::Style(STDOUT_FILENO).colours(),
                                        .verbose = options.verbose});
}

int exit_code_of(const compare::Bisection& found) {
  if (found.first_bad) return 0;
  if (found.interrupted) return 130;
  std::cerr << "hubcell: bisect: commits that had to be skipped hide it: it is one of "
            << found.candidates.size() << "; see why they were skipped, or name other refs\n";
  return 1;
}

}  // namespace

int bisect(Hub& hub, const Options& options, Progress& progress, const std::stop_token& stop) {
  const std::vector<InputSpec> specs = read_specs(options);
  const CallArguments inputs = make_arguments(hub, options.repository, options, specs);
  compare::BisectOptions search{.good = options.repository, .bad = second_repository(hub, options)};
  search.answer = [&](const std::string& repository) { return answer_of(hub, repository, inputs, options); };
  if (options.fail_if) {
    search.is_bad = [condition = *options.fail_if](const compare::ValueDifference& difference) {
      return holds(condition, difference);
    };
  }
  search.tolerance = options.tolerance;
  search.jobs = options.jobs;
  search.progress = [&](const compare::BisectStep& step) { progress.show(describe(step), 0, 0); };
  search.stop = stop;
  const compare::Bisection found = compare::bisect(hub, search);
  progress.clear();
  show(found, options);
  return exit_code_of(found);
}

}  // namespace hubcell::cli

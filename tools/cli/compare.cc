#include "tools/cli/compare.h"

#include <hubcell/compare.h>
#include <hubcell/report.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <iostream>
#include <memory>

#include "tools/cli/call.h"
#include "tools/cli/json_output.h"
#include "tools/cli/npy.h"
#include "tools/cli/trust.h"
#include "tools/compare/inputs.h"
#include "tools/compare/numbers/figures.h"
#include "tools/compare/report/json_report.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

using compare::Comparison;
using compare::Model;

// A Hub for each side, with one supervisor.
struct Sides {
  std::array<std::string, 2> names;
  std::array<std::unique_ptr<Hub>, 2> hubs;
};

// A side is a repository like any other: it is trusted, and looked up again.
void prepare(Hub& hub, const std::string& name, const Options& options) {
  Options of_side = options;
  of_side.repository = name;
  require_trust(hub, of_side);
  if (options.force_reload) hub.reload(name);
}

Sides open_sides(const HubOptions& hub_options, const Options& options) {
  const auto options_of = [&](std::size_t side) {
    HubOptions chosen = hub_options;
    if (!options.python_of[side].empty()) chosen.python = options.python_of[side];
    return chosen;
  };
  Sides sides{.names = {options.repository, options.other}, .hubs = {}};
  sides.hubs[0] = std::make_unique<Hub>(options_of(0));
  sides.hubs[1] = std::make_unique<Hub>(sides.hubs[0]->beside(options_of(1)));
  prepare(*sides.hubs[0], sides.names[0], options);
  sides.names[1] = second_repository(*sides.hubs[0], options);
  prepare(*sides.hubs[1], sides.names[1], options);
  return sides;
}

// Both are fetched and their workers started at the same time. What goes wrong with one is told when it is loaded.
void start_workers(Sides& sides) {
  std::array<std::future<void>, 2> starting;
  for (std::size_t side = 0; side < 2; ++side)
    starting[side] =
        std::async(std::launch::async, [&sides, side] { sides.hubs[side]->info(sides.names[side]); });
  for (std::future<void>& start : starting)
    start.wait();
}

std::array<std::string, 2> labels_of(const Sides& sides) {
  const auto ref_of = [](const std::string& name) {
    const std::size_t at = name.find_last_of("@:");
    return at == std::string::npos || at + 1 == name.size() ? name : name.substr(at + 1);
  };
  std::array<std::string, 2> labels{ref_of(sides.names[0]), ref_of(sides.names[1])};
  if (labels[0] == labels[1]) labels = {"A", "B"};
  return labels;
}

Model load_side(const Sides& sides, std::size_t side, const Options& options) {
  CallArguments arguments = entry_arguments(options);
  // The part of what is loaded that is called, and the part of its answers that is compared.
  const auto remaining = std::make_shared<std::vector<Step>>();
  compare::LoadPlan plan{.repository = sides.names[side],
                         .label = labels_of(sides)[side],
                         .entry = options.entry,
                         .positional = std::move(arguments.positional),
                         .named = std::move(arguments.named),
                         .train = options.train};
  if (!options.pick.empty()) {
    plan.choose = [&options, remaining, name = plan.repository](const Value& loaded) {
      const Target target = walk_to_callable(loaded, options.pick);
      remaining->assign(target.remaining.begin(), target.remaining.end());
      return callable_of(target, name, options);
    };
  }
  Model model = compare::load_model(*sides.hubs[side], plan);
  if (!remaining->empty()) model.pick = [remaining](const Value& answer) { return walk(answer, *remaining); };
  return model;
}

compare::InputSet inputs_of(const Sides& sides, const Options& options) {
  if (options.inputs.empty() && options.inputs_path.empty() && options.method.empty()) return {};
  compare::InputPlan plan{.arguments = {},
                          .path = options.inputs_path,
                          .count = options.count,
                          .seed = options.input_seed.value_or(0),
                          .labels = {}};
  for (const CallInput& input : options.inputs) {
    if (const auto* spec = std::get_if<InputSpec>(&input.input)) {
      plan.arguments.push_back({.name = input.name, .value = with_content(*spec)});
    } else {
      plan.arguments.push_back({.name = input.name, .value = std::get<Value>(input.input)});
    }
  }
  if (!options.labels_path.empty()) plan.labels = compare::read_class_labels(options.labels_path);
  return compare::plan_inputs(*sides.hubs[0], sides.names[0], std::move(plan));
}

compare::CompareOptions compare_options(const Options& options, Progress& progress, std::stop_token stop) {
  const auto wanted = [&](const char* part) {
    return std::ranges::find(options.skip, part) == options.skip.end();
  };
  compare::CompareOptions chosen{
      .method = options.method,
      .reset = options.reset,
      .seed = options.input_seed.value_or(0),
      .tolerance = options.tolerance,
      .confidence = options.confidence,
      .parts = {.modules = wanted("modules"),
                .weights = wanted("weights"),
                .speed = wanted("speed"),
                .code = wanted("code")},
      .rounds = options.rounds,
      .progress = [&progress](const std::string& what, std::uint64_t done,
                              std::uint64_t total) { progress.show_steps(what, done, total); },
      .stop = std::move(stop)};
  if (options.topk != 0) chosen.topk = options.topk;
  return chosen;
}

Comparison run_comparison(const HubOptions& hub_options, const Options& options, Progress& progress,
                          const std::stop_token& stop) {
  Sides sides = open_sides(hub_options, options);
  start_workers(sides);
  std::array<Model, 2> models;
  for (std::size_t side = 0; side < 2; ++side) {
    progress.show_steps("load " + sides.names[side], 0, 0);
    models[side] = load_side(sides, side, options);
  }
  const bool both = models[0].object && models[1].object;
  Comparison found =
      compare::compare(models[0], models[1], both ? inputs_of(sides, options) : compare::InputSet{},
                       compare_options(options, progress, stop));
  found.command = options.command_text;
  if (both && found.inputs.empty() && !found.interrupted)
    found.warnings.emplace_back("nothing was called: give inputs with -x or --inputs");
  return found;
}

void show(const Comparison& found, const Options& options) {
  if (!options.html_path.empty()) write_file(options.html_path, compare::to_html(found));
  if (options.json) {
    std::cout << dump(compare::to_json(found)) << '\n';
    return;
  }
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  std::cout << compare::to_text(found, {.columns = is_terminal ? terminal_columns(STDOUT_FILENO) : 80,
                                        .colours = text::Style(STDOUT_FILENO).colours(),
                                        .verbose = options.verbose});
}

// "B (acme/net@main) did not load: ..." or "A failed on 3 of 10 inputs: ..."
std::string failure_text(const Comparison& found) {
  for (std::size_t side = 0; side < 2; ++side) {
    const std::string name = std::string(side == 0 ? "A" : "B") + " (" + found.sides[side].name + ")";
    if (!found.sides[side].failure.empty()) return name + " did not load: " + found.sides[side].failure;
    const auto failed = [side](const compare::InputResult& input) { return !input.failure[side].empty(); };
    const auto first = std::ranges::find_if(found.inputs, failed);
    if (first == found.inputs.end()) continue;
    return name + " failed on " + std::to_string(std::ranges::count_if(found.inputs, failed)) + " of " +
           std::to_string(found.inputs.size()) + " inputs: " + first->failure[side];
  }
  return "";
}

int fail(const std::string& message) {
  std::cerr << text::Style(STDERR_FILENO).bad("hubcell:") << ' ' << text::one_line(text::printable(message))
            << '\n';
  return 1;
}

// The figures that the condition names, with their values.
std::string describe_condition(const compare::Condition& condition,
                               const std::vector<compare::Figure>& figures) {
  std::string text = "--fail-if '" + condition.text() + "' holds";
  const char* separator = ": ";
  for (const std::string& name : condition.names()) {
    const auto figure = std::ranges::find(figures, name, &compare::Figure::name);
    if (figure == figures.end() || !figure->value) continue;
    char value[32];
    std::snprintf(value, sizeof value, "%.6g", *figure->value);
    text += std::exchange(separator, ", ") + name + " is " + value;
  }
  return text;
}

int judge(const Comparison& found, const Options& options) {
  if (found.interrupted) return 130;
  if (found.failed())
    return fail("compare " + options.repository + " and " + options.other + ": " + failure_text(found));
  if (!options.fail_if) return 0;
  const std::vector<compare::Figure> figures = compare::figures_of(found);
  if (!compare::holds(*options.fail_if, figures)) return 0;
  fail(describe_condition(*options.fail_if, figures));
  return 3;
}

}  // namespace

int compare_models(const HubOptions& hub_options, const Options& options, Progress& progress,
                   const std::stop_token& stop) {
  const Comparison found = run_comparison(hub_options, options, progress, stop);
  progress.clear();
  show(found, options);
  return judge(found, options);
}

}  // namespace hubcell::cli

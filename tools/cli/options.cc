#include "tools/cli/options.h"

#include <hubcell/hub.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <thread>
#include <utility>

#include "tools/cli/usage_error.h"
#include "tools/text/shell.h"

namespace hubcell::cli {
namespace {

constexpr std::uint64_t kThreadsMax = 1024;
constexpr std::uint64_t kProgramsMax = 10'000;
constexpr std::uint64_t kWorkersMax = 256;
constexpr std::uint64_t kJobsMax = 64;
constexpr unsigned kJobsDefaultMax = 4;
constexpr const char* kRepositoryHelp = "owner/name[@ref], a git URL, or a folder that starts with . or /";

// Texts of options that are read further once CLI11 is done.
struct Raw {
  std::vector<std::string> arguments;
  std::vector<std::string> inputs;
  std::string pick;
  std::string deadline;
  std::string memory;
  std::string scratch;
  std::string worker_memory;
  std::string unload_idle;
  std::string drain;
  std::string interval;
  std::string fail_if;
};

double parse_number(std::string_view text, std::string_view& unit) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() && std::isfinite(number) ? number : -1;
}

// A number with one of `units` after it, in the unit's factor. Negative where the text is none.
double parse_quantity(std::string_view text,
                      std::initializer_list<std::pair<std::string_view, double>> units) {
  std::string_view unit;
  const double number = parse_number(text, unit);
  for (const auto& [name, factor] : units) {
    if (unit == name) return number * factor;
  }
  return -1;
}

// CLI11's own checks speak of doubles, and take what does not fit for the largest that does.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool fits =
        error == std::errc() && end == text.data() + text.size() && number >= least && number <= most;
    return fits ? ""
                : "'" + text + "' is no whole number from " + std::to_string(least) + " to " +
                      std::to_string(most);
  };
  return {check, ""};
}

// CLI11 would say that a command is missing.
void require_known_command(const CLI::App& app, int count, const char* const* words) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word.starts_with('-')) continue;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_name() == word) return;
    }
    throw UsageError(
        "no command '" + word +
        "'; there are list, help, run, compare, bisect, permissions, fetch, cache, trust, serve, ps, "
        "top, logs, stop and "
        "doctor");
  }
}

void add_worker_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--python", options.python, "interpreter for the worker")->type_name("PATH");
  app.add_option("--seed", options.seed, "seed Python, numpy and torch before the load")
      ->type_name("N")
      ->check(whole_number(0, UINT64_MAX));
  app.add_option("--memory", raw.memory, "budget of the worker: 4GiB")->type_name("SIZE");
  app.add_option("--scratch", raw.scratch, "what the worker's scratch folder may hold: 8GiB (4GiB)")
      ->type_name("SIZE");
  app.add_option("--deadline", raw.deadline, "of every load and call: 30s, 500ms")->type_name("TIME");
  app.add_option("--threads", options.threads, "torch's threads in the worker")
      ->type_name("N")
      ->check(whole_number(1, kThreadsMax));
  app.add_flag("--trust", options.trust, "trust the repository, and remember that");
  app.add_option("--sandbox", options.sandbox,
                 "full, minimal or off; the best that this machine has, where none is named")
      ->type_name("LEVEL")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Sandbox>{
          {"full", Sandbox::Full}, {"minimal", Sandbox::Minimal}, {"off", Sandbox::Off}}));
  app.add_option("--allow-read", options.allow_read, "file or folder that the worker may read")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app.add_option("--allow-write", options.allow_write, "file or folder that the worker may write")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app.add_flag("--writable-checkout", options.writable_checkout,
               "the worker sees a copy of its checkout, and may write in it");
  app.add_option("--allow-net", options.allow_net,
                 "host of which the worker may have files fetched at any time")
      ->type_name("HOST")
      ->allow_extra_args(false);
  app.add_option("--lock", options.lock_path,
                 "file of commits and sha256s that are used, and may not be others")
      ->type_name("FILE");
  app.add_flag("--force-reload", options.force_reload, "fetch the ref again, and what its hubconf downloads");
}

void add_output_options(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "print JSON");
  app.add_flag("-v,--verbose", options.verbose, "say more on stderr; tracebacks of foreign code");
  app.add_flag("-q,--quiet", options.quiet, "nothing on stderr but errors");
  app.add_flag("--no-progress", options.no_progress, "no progress line");
}

void add_entry_arguments(CLI::App& app, Raw& raw) {
  app.add_option("-a", raw.arguments,
                 "argument of the entrypoint: JSON, None, True, False, file:PATH (a copy for the worker), "
                 "else a string")
      ->type_name("[NAME=]VALUE")
      ->allow_extra_args(false);
}

void add_call_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option(
         "-x", raw.inputs,
         "argument of the call: rand:1x3x224x224, randn:, zeros:, ones:, arange:N, json:VALUE, a file "
         ".npy .npz .pt .png .jpg .wav, or file:PATH (a copy of any file)")
      ->type_name("[NAME=]SPEC")
      ->allow_extra_args(false);
  app.add_option("--call", options.method, "call this method instead of the object itself")
      ->type_name("METHOD");
  app.add_option("--pick", raw.pick, "part to call or to show: 0, .logits, [\"out\"], chained")
      ->type_name("EXPR")
      ->allow_extra_args(false);
  app.add_option("--input-seed", options.input_seed, "torch's seed before inputs are made")
      ->type_name("N")
      ->check(whole_number(0, UINT64_MAX));
  app.add_flag("--train", options.train, "do not put modules in eval()");
}

void add_answer_options(CLI::App& app, Options& options) {
  CLI::Option* topk = app.add_option("--topk", options.topk, "the K largest of the last dimension");
  topk->type_name("K")->check(whole_number(1, INT64_MAX));
  app.add_option("--labels", options.labels_path, "names of the classes, one a line")
      ->type_name("FILE")
      ->needs(topk);
  app.add_option("-o", options.output_path, "also write the answer: .npy or .json")->type_name("FILE");
}

// CLI11's own check of a range takes NaN.
CLI::Validator tolerance() {
  const auto check = [](const std::string& text) -> std::string {
    std::string_view unit;
    return parse_number(text, unit) >= 0 && unit.empty() ? "" : "'" + text + "' is no number from 0 on";
  };
  return {check, ""};
}

// Of what looks at two sides. `fail_if`: what its condition brings about.
void add_judging_options(CLI::App& app, Options& options, Raw& raw, const std::string& fail_if) {
  app.add_option("--rtol", options.tolerance.rtol, "outputs differ beyond atol + rtol * |a| (1e-5)")
      ->type_name("X")
      ->check(tolerance());
  app.add_option("--atol", options.tolerance.atol, "the same (1e-8)")->type_name("X")->check(tolerance());
  app.add_option("--fail-if", raw.fail_if, fail_if)->type_name("EXPR");
}

void add_compare_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--python-a", options.python_of[0], "interpreter of the first side")->type_name("PATH");
  app.add_option("--python-b", options.python_of[1], "interpreter of the second side")->type_name("PATH");
  app.add_option("--inputs", options.inputs_path,
                 "inputs, one each: a folder of files, a folder of a folder for each class, or the rows of "
                 "an .npz or .npy; -x come "
                 "after them")
      ->type_name("PATH");
  app.add_option("--count", options.count, "make so many inputs of -x, each from a seed of its own (1)")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000));
  app.add_option("--labels", options.labels_path, "index of the right class of each input, one a line")
      ->type_name("FILE");
  app.add_option("--topk", options.topk, "classes that are looked at (5)")
      ->type_name("K")
      ->check(whole_number(1, 1000));
  app.add_option("--reset", options.reset, "call this method of both before each input")->type_name("METHOD");
  app.add_option("--confidence", options.confidence, "of intervals (0.95)")->check(CLI::Range(0.5, 0.9999));
  app.add_option("--rounds", options.rounds, "rounds of four calls at most, to time them (200)")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000));
  app.add_option("--skip", options.skip, "leave a part out: modules, weights, speed or code")
      ->type_name("PART")
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"modules", "weights", "speed", "code"}));
  app.add_option("--html", options.html_path, "also write a page for a browser")->type_name("FILE");
  add_judging_options(app, options, raw,
                      "end with 3 where that holds: 'max_abs > 1e-5 or latency_ratio > 1.1'");
}

void add_bisect_options(CLI::App& app, Options& options, Raw& raw) {
  add_judging_options(
      app, options, raw,
      "a commit is bad where this holds of its outputs beside the good ones: 'max_abs > 0.1'");
  options.jobs = std::clamp(std::thread::hardware_concurrency(), 1U, kJobsDefaultMax);
  app.add_option("--jobs", options.jobs, "commits at a time (as many as CPUs, 4 at most)")
      ->type_name("N")
      ->check(whole_number(1, kJobsMax));
}

CLI::App* add_command(CLI::App& app, const char* name, const char* help, Command command, Options& options) {
  CLI::App* added = app.add_subcommand(name, help);
  added->callback([&options, command] { options.command = command; });
  add_output_options(*added, options);
  return added;
}

// `cache` or `trust`, with a command of its own below.
struct Action {
  const char* name;
  const char* help;
  const char* names_help;  // null where it takes none
  bool needs_names = false;
};

void add_actions(CLI::App& app, const char* name, const char* help, Command command,
                 std::initializer_list<Action> actions, Options& options) {
  CLI::App* group = app.add_subcommand(name, help);
  group->require_subcommand(1);
  for (const Action& action : actions) {
    CLI::App* added = add_command(*group, action.name, action.help, command, options);
    added->callback([&options, command, text = std::string(action.name)] {
      options.command = command;
      options.action = text;
    });
    if (action.names_help == nullptr) continue;
    added->add_option("NAME", options.names, action.names_help)->required(action.needs_names)->type_name("");
  }
}

void add_serve_options(CLI::App& serve, Options& options, Raw& raw) {
  serve.add_option("--programs", options.serve.programs, "that may use it at a time (256)")
      ->type_name("N")
      ->check(whole_number(1, kProgramsMax));
  serve.add_option("--workers", options.serve.workers, "that a Hub may have at a time (256)")
      ->type_name("N")
      ->check(whole_number(1, kWorkersMax));
  serve.add_option("--worker-memory", raw.worker_memory, "budget of a worker at most: 4GiB")
      ->type_name("SIZE");
  serve
      .add_option("--unload-idle", raw.unload_idle, "ends workers that nobody used for so long: 30m (never)")
      ->type_name("TIME");
  serve.add_option("--drain", raw.drain, "what calls may take yet when it is to end (10s)")
      ->type_name("TIME");
  serve.add_flag("!--no-warm", options.serve.warm,
                 "import torch when the first program asks, and not before");
}

// A shared supervisor, and what is asked of it.
void add_shared_commands(CLI::App& app, Options& options, Raw& raw) {
  CLI::App* serve =
      add_command(app, "serve", "be a supervisor that many programs share", Command::Serve, options);
  CLI::App* ps = add_command(app, "ps", "the workers of the shared supervisor", Command::Ps, options);
  CLI::App* top = add_command(app, "top", "the same, again and again", Command::Top, options);
  CLI::App* logs = add_command(app, "logs", "what the shared supervisor logs and its workers print",
                               Command::Logs, options);
  CLI::App* stop =
      add_command(app, "stop", "end workers, or the shared supervisor itself", Command::Stop, options);
  for (CLI::App* command : {serve, ps, top, logs, stop})
    command->add_option("--socket", options.serve.socket, "where it listens")->type_name("PATH");
  add_serve_options(*serve, options, raw);
  top->add_option("--interval", raw.interval, "between two looks (1s)")->type_name("TIME");
  top->add_option("--count", options.looks, "so many looks, and no more")
      ->type_name("N")
      ->check(whole_number(1, INT64_MAX));
  logs->add_flag("-f,--follow", options.follow, "go on with what comes");
  logs->add_option("WORKER", options.names, "owner/name[@ref]: what is about it")->type_name("");
  stop->add_option("WORKER", options.names, "its pid, or owner/name@ref; none: the supervisor")
      ->type_name("");
}

void add_commands(CLI::App& app, Options& options, Raw& raw) {
  CLI::App* list = add_command(app, "list", "entrypoints, one a line", Command::List, options);
  CLI::App* help = add_command(app, "help", "docstring and signature", Command::Help, options);
  CLI::App* run = add_command(app, "run", "load, call once, show the answer", Command::Run, options);
  CLI::App* compare =
      add_command(app, "compare", "which of two is better, and where they differ", Command::Compare, options);
  CLI::App* bisect =
      add_command(app, "bisect", "the first commit whose outputs differ", Command::Bisect, options);
  CLI::App* permissions = add_command(app, "permissions", "load, and tell which options that needs",
                                      Command::Permissions, options);
  CLI::App* fetch =
      add_command(app, "fetch", "into the cache, for use without a network later", Command::Fetch, options);
  constexpr const char* kCached = "owner/name[@ref], a git URL, or the URL of a file";
  add_actions(app, "cache", "what was fetched", Command::Cache,
              {{"ls", "sizes, last use, commits", kCached},
               {"rm", "remove it", kCached, true},
               {"verify", "is it still what was fetched?", kCached},
               {"path", "where it lies", kCached}},
              options);
  add_actions(app, "trust", "which repositories are loaded without asking", Command::Trust,
              {{"ls", "all of them, one a line", nullptr},
               {"add", "trust them", "owner/name", true},
               {"rm", "trust them no longer", "owner/name", true}},
              options);
  add_shared_commands(app, options, raw);
  CLI::App* doctor = add_command(app, "doctor", "what this machine can do", Command::Doctor, options);
  for (CLI::App* command : {list, help, run, compare, bisect, permissions, fetch}) {
    command->add_option(command == compare ? "A" : "REPO", options.repository, kRepositoryHelp)
        ->required()
        ->type_name("");
    add_worker_options(*command, options, raw);
  }
  bisect->add_option("OTHER", options.other, "the same repository with the bad ref; or @REF alone")
      ->required()
      ->type_name("");
  help->add_option("ENTRY", options.entry, "entrypoint or ENTRY.METHOD")->type_name("");
  compare->add_option("B", options.other, "the same of another ref, or @ref alone, or another repository")
      ->required()
      ->type_name("");
  for (CLI::App* command : {run, compare, bisect, permissions})
    command->add_option("ENTRY", options.entry, "entrypoint")->required()->type_name("");
  add_entry_arguments(*run, raw);
  add_call_options(*run, options, raw);
  add_answer_options(*run, options);
  add_entry_arguments(*compare, raw);
  add_call_options(*compare, options, raw);
  add_compare_options(*compare, options, raw);
  add_entry_arguments(*bisect, raw);
  add_call_options(*bisect, options, raw);
  add_bisect_options(*bisect, options, raw);
  add_entry_arguments(*permissions, raw);
  add_call_options(*permissions, options, raw);
  fetch->add_option("ENTRY", options.entry, "load this entrypoint once, so that its weights are there, too")
      ->type_name("");
  add_entry_arguments(*fetch, raw);
  doctor->add_option("--python", options.python, "interpreter for workers")->type_name("PATH");
}

compare::Condition parse_fail_if(const std::string& text) {
  try {
    return compare::parse_condition(text);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

void check_output_path(const std::string& path) {
  if (path.empty() || path.ends_with(".npy") || path.ends_with(".json")) return;
  throw UsageError("-o " + path + ": the name must end with .npy or .json");
}

void finish(Options& options, const Raw& raw) {
  for (const std::string& text : raw.arguments)
    options.arguments.push_back(parse_argument(text));
  for (const std::string& text : raw.inputs)
    options.inputs.push_back(parse_input(text));
  options.pick = parse_pick(raw.pick);
  const auto take_duration = [](const char* option, const std::string& text, std::chrono::milliseconds& to) {
    if (!text.empty()) to = parse_duration(option, text);
  };
  take_duration("--deadline", raw.deadline, options.deadline);
  take_duration("--unload-idle", raw.unload_idle, options.serve.unload_idle);
  take_duration("--drain", raw.drain, options.serve.drain);
  take_duration("--interval", raw.interval, options.interval);
  if (!raw.memory.empty()) options.memory_bytes = parse_bytes("--memory", raw.memory);
  if (!raw.worker_memory.empty())
    options.serve.worker_memory_bytes = parse_bytes("--worker-memory", raw.worker_memory);
  if (!raw.scratch.empty()) options.scratch_bytes = parse_bytes("--scratch", raw.scratch);
  check_output_path(options.output_path);
  if (!raw.fail_if.empty()) options.fail_if = parse_fail_if(raw.fail_if);
  // A model that draws its weights is to answer the same in every worker.
  const bool has_sides = options.command == Command::Bisect || options.command == Command::Compare;
  if (has_sides && !options.seed) options.seed = 0;
}

}  // namespace

std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text) {
  const double ms =
      parse_quantity(text, {{"ms", 1}, {"", 1e3}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}});
  if (ms < 1 || ms > 1e15) throw UsageError(option + " " + text + ": not a time like 30s or 500ms");
  return std::chrono::milliseconds(std::llround(ms));
}

std::uint64_t parse_bytes(const std::string& option, const std::string& text) {
  const double bytes = parse_quantity(text, {{"", 1},
                                             {"B", 1},
                                             {"kB", 1e3},
                                             {"MB", 1e6},
                                             {"GB", 1e9},
                                             {"TB", 1e12},
                                             {"KiB", 0x1p10},
                                             {"MiB", 0x1p20},
                                             {"GiB", 0x1p30},
                                             {"TiB", 0x1p40}});
  if (bytes < 1 || bytes > 0x1p62) throw UsageError(option + " " + text + ": not a size like 4GiB or 512MB");
  return static_cast<std::uint64_t>(bytes);
}

Parsed parse_command_line(int count, const char* const* words) {
  Parsed parsed;
  Raw raw;
  CLI::App app("Loads models of other people's repositories, each in a sandboxed process of its own.",
               "hubcell");
  app.set_version_flag("--version", std::string("hubcell ") + version());
  app.require_subcommand(1);
  add_commands(app, parsed.options, raw);
  try {
    require_known_command(app, count, words);
    app.parse(count, words);
    finish(parsed.options, raw);
    for (int i = 0; i < count; ++i)
      parsed.options.command_text += (i == 0 ? "hubcell" : " " + text::shell_word(words[i]));
  } catch (const CLI::Success& wish) {  // --help or --version
    std::ostringstream text;
    parsed.exit_code = app.exit(wish, text, text);
    parsed.text = text.str();
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = 2;
    parsed.text = std::string("hubcell: ") + error.what() + "; see hubcell --help\n";
  } catch (const UsageError& error) {
    parsed.exit_code = 2;
    parsed.text = std::string("hubcell: ") + error.what() + "\n";
  } catch (const Error& error) {  // of --fail-if
    parsed.exit_code = 2;
    parsed.text = std::string("hubcell: ") + error.what() + "\n";
  }
  return parsed;
}

}  // namespace hubcell::cli

// hubcell, the command: reads its arguments, starts a session, does one thing, and says how it went.
//
// stdout holds the answer alone. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <hubcell/hub.h>

#include "tools/cli/bisect.h"
#include "tools/cli/cache.h"
#include "tools/cli/compare.h"
#include "tools/cli/doctor.h"
#include "tools/cli/json_output.h"
#include "tools/cli/options.h"
#include "tools/cli/permissions.h"
#include "tools/cli/run.h"
#include "tools/cli/shared.h"
#include "tools/cli/terminal.h"
#include "tools/cli/text_output.h"
#include "tools/cli/trust.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr int kInterruptedExit = 130;

HubOptions hub_options(const Options& options, Progress& progress, const std::stop_token& stop) {
  HubOptions made{.python = options.python,
                  .seed = options.seed,
                  .memory_bytes = options.memory_bytes,
                  .threads = options.threads,
                  .deadline = options.deadline,
                  .output = options.quiet ? Output::Discard : Output::Prefixed,
                  .sandbox = options.sandbox,
                  .allow_read = options.allow_read,
                  .allow_write = options.allow_write,
                  .scratch_bytes = options.scratch_bytes,
                  .writable_checkout = options.writable_checkout,
                  .allow_net = options.allow_net,
                  .lock = options.lock_path,
                  .observe = options.command == Command::Permissions,
                  .progress = [&progress](const std::string& what, std::uint64_t done, std::uint64_t total) {
                    progress.show(what, done, total);
                  }};
  if (stop.stop_possible()) {
    made.poll = [stop] {
      if (stop.stop_requested()) throw Error(ErrorCode::Cancelled, "interrupted");
    };
  }
  return made;
}

int list(Hub& hub, const Options& options, Progress& progress) {
  const std::vector<std::string> entries = hub.list(options.repository);
  progress.clear();
  if (options.json) {
    std::cout << dump(Json(entries)) << '\n';
    return 0;
  }
  for (const std::string& entry : entries)
    std::cout << text::one_line(text::printable(entry)) << '\n';
  return 0;
}

int help(Hub& hub, const Options& options, Progress& progress) {
  const std::string text = hub.help(options.repository, options.entry);
  progress.clear();
  std::cout << (options.json ? dump(Json(text)) : text::printable(text))
            << (text.ends_with('\n') ? "" : "\n");
  return 0;
}

int run(Hub& hub, const Options& options, Progress& progress) {
  const RunResult result = run_model(hub, options);
  progress.clear();
  show_result(result, options);
  return 0;
}

int doctor(Hub& hub, const Options& options) {
  const std::vector<Finding> findings = examine(hub);
  std::cout << (options.json ? to_json_text(findings) : to_text(findings, text::Style(STDOUT_FILENO)));
  if (can_run(findings)) return 0;
  std::cerr << "hubcell: this machine cannot run workers: something that is needed is missing; the fix is "
               "beside it\n";
  return 1;
}

// What happens before a repository is used.
void prepare(Hub& hub, const Options& options) {
  if (options.repository.empty()) return;
  require_trust(hub, options);
  if (options.force_reload) hub.reload(options.repository);
}

// Commands that need no Hub; none of the others.
std::optional<int> dispatch_shared(const Options& options) {
  switch (options.command) {
    case Command::Serve:
      return serve_programs(options);
    case Command::Ps:
      return show_workers(options);
    case Command::Top:
      return watch_workers(options);
    case Command::Logs:
      return show_log(options);
    case Command::Stop:
      return stop_workers(options);
    default:
      return std::nullopt;
  }
}

int dispatch(const Options& options) {
  if (const std::optional<int> exit_code = dispatch_shared(options)) return *exit_code;
  Progress progress(!options.quiet && !options.no_progress);
  // What has something to show when it is stopped half-way.
  const bool stops_gently = options.command == Command::Bisect || options.command == Command::Compare;
  const std::stop_token stop = stops_gently ? stop_on_interrupt() : std::stop_token();
  if (options.command == Command::Compare)
    return compare_models(hub_options(options, progress, stop), options, progress, stop);
  Hub hub(hub_options(options, progress, stop));
  prepare(hub, options);
  switch (options.command) {
    case Command::List:
      return list(hub, options, progress);
    case Command::Help:
      return help(hub, options, progress);
    case Command::Run:
      return run(hub, options, progress);
    case Command::Bisect:
      return bisect(hub, options, progress, stop);
    case Command::Permissions:
      return permissions(hub, options, progress);
    case Command::Doctor:
      return doctor(hub, options);
    case Command::Fetch:
      return fetch(hub, options, progress);
    case Command::Cache:
      return cache(hub, options);
    case Command::Trust:
      return trust(hub, options);
    case Command::Compare:
    case Command::Serve:
    case Command::Ps:
    case Command::Top:
    case Command::Logs:
    case Command::Stop:
      break;  // done above
  }
  return 2;
}

// The supervisor and the workers take their log level from the environment.
void choose_log_level(const Options& options) {
  if (options.verbose) ::setenv("HUBCELL_LOG", "info", 0);
  if (options.quiet) ::setenv("HUBCELL_LOG", "error", 1);
}

void show_error(const std::exception& error, bool verbose) {
  std::cerr << text::Style(STDERR_FILENO).bad("hubcell:") << ' '
            << text::one_line(text::printable(error.what())) << '\n';
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (verbose && ours != nullptr && ours->remote())
    std::cerr << text::printable(ours->remote()->traceback) << '\n';
}

int run_command(const Options& options) {
  try {
    const int exit_code = dispatch(options);
    if (std::cout.flush()) return exit_code;
    throw Error(ErrorCode::System, "write the answer to stdout: the other end or the disk refused it");
  } catch (const std::exception& error) {
    show_error(error, options.verbose);
    const auto* ours = dynamic_cast<const Error*>(&error);
    return ours != nullptr && ours->code() == ErrorCode::Cancelled ? kInterruptedExit : 1;
  }
}

}  // namespace
}  // namespace hubcell::cli

int main(int count, char** words) {
  using namespace hubcell::cli;
  fill_standard_descriptors();
  end_on_interrupt();
  const Parsed parsed = parse_command_line(count, words);
  if (parsed.exit_code) {
    (*parsed.exit_code == 0 ? std::cout : std::cerr) << parsed.text;
    return *parsed.exit_code;
  }
  choose_log_level(parsed.options);
  return run_command(parsed.options);
}

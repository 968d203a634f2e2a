#include "tools/cli/shared.h"

#include <hubcell/error.h>
#include <hubcell/serve.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <thread>

#include "tools/cli/json_output.h"
#include "tools/cli/process_table.h"
#include "tools/cli/terminal.h"
#include "tools/cli/text_output.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

// Longer than any --drain that somebody waits for at a terminal.
constexpr std::chrono::hours kEndDeadline{1};

std::string time_text(std::chrono::system_clock::time_point time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03d", static_cast<int>(ms % 1000));
  return text;
}

void show_line(const SupervisorLogLine& line, const text::Style& style, bool as_json) {
  if (as_json) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(line.time.time_since_epoch());
    std::cout << dump(Json{{"time_s", static_cast<double>(ms.count()) / 1000},
                           {"kind", line.kind},
                           {"worker", line.worker},
                           {"text", line.text}})
              << std::endl;
    return;
  }
  const bool is_bad = line.kind == "warning" || line.kind == "error";
  std::cout << style.faint(time_text(line.time)) << ' ';
  if (line.kind != "printed") std::cout << (is_bad ? style.bad(line.kind) : style.faint(line.kind)) << ' ';
  if (!line.worker.empty())
    std::cout << style.label("[" + text::one_line(text::printable(line.worker)) + "]") << ' ';
  // At once: who follows wants to see it.
  std::cout << text::one_line(text::printable(line.text)) << std::endl;
}

bool names_worker(const std::string& name, const std::string& label) {
  return label == name || label.starts_with(name + "@");
}

// The pids of what a word on the command line names.
std::vector<std::int64_t> find_workers(const std::vector<RunningWorker>& workers, const std::string& name) {
  std::int64_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error == std::errc() && end == name.data() + name.size()) return {pid};
  std::vector<std::int64_t> pids;
  for (const RunningWorker& worker : workers) {
    if (names_worker(name, worker.label)) pids.push_back(worker.pid);
  }
  if (pids.empty())
    throw Error(ErrorCode::Usage, "stop " + name + ": no worker of that name runs; see hubcell ps");
  return pids;
}

}  // namespace

int serve_programs(const Options& options) {
  ::setenv("HUBCELL_LOG", "info", 0);
  serve(options.serve);
}

int show_workers(const Options& options) {
  const RunningSupervisor seen = SharedSupervisor(options.serve.socket).look();
  std::cout << (options.json ? dump(to_json(seen)) + "\n"
                             : process_table(seen, nullptr, text::Style(STDOUT_FILENO),
                                             terminal_columns(STDOUT_FILENO)));
  return 0;
}

int watch_workers(const Options& options) {
  SharedSupervisor supervisor(options.serve.socket);
  const bool is_live = ::isatty(STDOUT_FILENO) == 1 && !options.json;
  std::optional<RunningSupervisor> before;
  for (std::uint64_t looks = 0; options.looks == 0 || looks < options.looks; ++looks) {
    if (looks > 0) std::this_thread::sleep_for(options.interval);
    RunningSupervisor seen = supervisor.look();
    if (is_live) std::cout << "\x1b[H\x1b[J";
    std::cout << (options.json ? dump(to_json(seen)) + "\n"
                               : process_table(seen, before ? &*before : nullptr, text::Style(STDOUT_FILENO),
                                               terminal_columns(STDOUT_FILENO)))
              << std::flush;
    before = std::move(seen);
  }
  return 0;
}

int show_log(const Options& options) {
  const text::Style style(STDOUT_FILENO);
  SharedSupervisor(options.serve.socket).read_log(options.follow, [&](const SupervisorLogLine& line) {
    const bool is_wanted =
        options.names.empty() || std::ranges::any_of(options.names, [&](const std::string& name) {
          return names_worker(name, line.worker);
        });
    if (is_wanted) show_line(line, style, options.json);
    if (!std::cout) throw Error(ErrorCode::System, "write the log to stdout: nobody reads it");
  });
  return 0;
}

int stop_workers(const Options& options) {
  SharedSupervisor supervisor(options.serve.socket);
  if (options.names.empty()) {
    supervisor.stop();
    if (supervisor.wait_for_end(kEndDeadline)) return 0;
    throw Error(ErrorCode::System, "stop the shared supervisor: it did not end");
  }
  const std::vector<RunningWorker> workers = supervisor.look().workers;
  std::vector<std::int64_t> pids;
  for (const std::string& name : options.names) {
    const std::vector<std::int64_t> named = find_workers(workers, name);
    pids.insert(pids.end(), named.begin(), named.end());
  }
  for (const std::int64_t pid : pids)
    supervisor.stop_worker(pid);
  return 0;
}

}  // namespace hubcell::cli

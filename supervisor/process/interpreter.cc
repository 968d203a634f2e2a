#include "supervisor/process/interpreter.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>

#include <hubcell/error.h>

#include "shared/posix/process.h"

namespace hubcell::process {
namespace {

namespace fs = std::filesystem;

bool can_run(const fs::path& program) {
  std::error_code ignored;
  return fs::is_regular_file(program, ignored) && ::access(program.c_str(), X_OK) == 0;
}

std::optional<std::string> find_in_path(const std::string& name, const std::string& path) {
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty() && can_run(fs::path(folder) / name)) return fs::path(folder) / name;
  }
  return std::nullopt;
}

std::string resolve_named(const std::string& named, const std::string& source, const Environment& environment,
                          const std::string& working_folder) {
  std::optional<std::string> found;
  if (named.find('/') == std::string::npos) {
    found = find_in_path(named, environment.get("PATH"));
  } else if (const fs::path path = fs::path(working_folder) / named; can_run(path)) {
    found = path.lexically_normal();
  }
  if (!found) {
    throw Error(ErrorCode::Usage,
                "start the interpreter '" + named + "' (" + source +
                    "): there is no such program; give the path of a python3 that has torch");
  }
  return *found;
}

Task<bool> has_torch(asio::io_context& loop, const std::string& python, const Environment& environment) {
  const posix::SpawnOptions options{.program = python,
                                    .arguments = {"-c",
                                                  "import sys; sys.path.pop(0); import importlib.util; "
                                                  "sys.exit(importlib.util.find_spec('torch') is None)"},
                                    .environment = environment.for_template(),
                                    .directory = "/",
                                    .descriptors = {},
                                    .die_with_parent = true};
  posix::ChildProcess probe = posix::spawn(options);
  if (!co_await wait_readable(loop, probe.pidfd(), std::chrono::seconds(20))) co_return false;
  const posix::ExitStatus status = probe.wait();
  co_return status.signal == 0 && status.exit_code == 0;
}

}  // namespace

Task<std::string> choose_interpreter(asio::io_context& loop, std::string wanted,
                                     const Environment& environment, std::string working_folder) {
  if (!wanted.empty()) co_return resolve_named(wanted, "--python", environment, working_folder);
  if (const std::string named = environment.get("HUBCELL_PYTHON"); !named.empty()) {
    co_return resolve_named(named, "HUBCELL_PYTHON", environment, working_folder);
  }
  if (const std::string venv = environment.get("VIRTUAL_ENV");
      !venv.empty() && can_run(venv + "/bin/python")) {
    co_return venv + "/bin/python";
  }
  if (const auto found = find_in_path("python3", environment.get("PATH"))) {
    if (co_await has_torch(loop, *found, environment)) co_return *found;
  }
  co_return "/usr/bin/python3";
}

}  // namespace hubcell::process

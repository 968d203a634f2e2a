#include "supervisor/process/interpreter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include <hubcell/error.h>

#include "shared/posix/process.h"
#include "shared/posix/system_error.h"

namespace hubcell::process {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kTorchlessFor{60};
constexpr const char* kAdvice = "give the path of a python3 that has torch";

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

// What keeps `path` from being a program, and what to do.
std::string complaint_about(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::directory) {
    const fs::path inner = path / "bin" / "python";
    return "it is a folder; " + (can_run(inner) ? "give " + inner.string() : std::string(kAdvice));
  }
  if (fs::is_regular_file(status)) return "it is not executable; " + std::string(kAdvice);
  const bool absent = status.type() == fs::file_type::not_found;
  return (absent || !failure ? "there is no such program" : failure.message()) +
         ("; " + std::string(kAdvice));
}

// Without the links that the path goes through being followed: a virtual environment's python is a link to another, and
// its name is what makes it one.
fs::path absolute_path(const std::string& named, const std::string& working_folder) {
  const fs::path path = fs::path(working_folder) / named;
  const bool climbs = std::find(path.begin(), path.end(), "..") != path.end();
  return climbs ? path : path.lexically_normal();
}

std::string resolve_named(const std::string& named, const std::string& source, const Environment& environment,
                          const std::string& working_folder) {
  const bool is_path = named.find('/') != std::string::npos;
  const fs::path path = is_path ? absolute_path(named, working_folder)
                                : fs::path(find_in_path(named, environment.get("PATH")).value_or(named));
  if (can_run(path)) return path;
  throw Error(ErrorCode::Usage, "start the interpreter " + named + " (" + source + "): " +
                                    (is_path ? complaint_about(path)
                                             : "there is no such program in PATH; " + std::string(kAdvice)));
}

Task<bool> has_torch(asio::io_context& loop, const std::string& python, const Environment& environment) {
  const posix::UniqueFd null(posix::checked(::open("/dev/null", O_WRONLY | O_CLOEXEC), "open /dev/null"));
  const posix::SpawnOptions options{.program = python,
                                    .arguments = {"-c",
                                                  "import sys; sys.path.pop(0); import importlib.util; "
                                                  "sys.exit(importlib.util.find_spec('torch') is None)"},
                                    .environment = environment.for_template(),
                                    .directory = "/",
                                    .descriptors = {},
                                    .standard_output = null.get(),
                                    .standard_error = null.get(),
                                    .die_with_parent = true};
  posix::ChildProcess probe;
  try {
    probe = posix::spawn(options);
  } catch (const Error&) {  // a script without its own interpreter, say
    co_return false;
  }
  if (!co_await wait_readable(loop, probe.pidfd(), wire::kInterpreterStartDeadline)) co_return false;
  const posix::ExitStatus status = probe.wait();
  co_return status.signal == 0 && status.exit_code == 0;
}

}  // namespace

bool TorchlessPythons::has(const std::string& python) const {
  const auto known = found_.find(python);
  return known != found_.end() && std::chrono::steady_clock::now() - known->second < kTorchlessFor;
}

void TorchlessPythons::add(const std::string& python) {
  found_[python] = std::chrono::steady_clock::now();
}

Task<std::string> choose_interpreter(asio::io_context& loop, std::string wanted,
                                     const Environment& environment, std::string working_folder,
                                     std::function<bool(const std::string&)> runs,
                                     TorchlessPythons& torchless) {
  if (!wanted.empty()) co_return resolve_named(wanted, "--python", environment, working_folder);
  if (const std::string named = environment.get("HUBCELL_PYTHON"); !named.empty()) {
    co_return resolve_named(named, "HUBCELL_PYTHON", environment, working_folder);
  }
  if (const std::string venv = environment.get("VIRTUAL_ENV");
      !venv.empty() && can_run(venv + "/bin/python")) {
    co_return venv + "/bin/python";
  }
  const auto found = find_in_path("python3", environment.get("PATH"));
  if (found && runs(*found)) co_return *found;
  if (found && !torchless.has(*found)) {
    if (co_await has_torch(loop, *found, environment)) co_return *found;
    torchless.add(*found);
  }
  co_return "/usr/bin/python3";
}

}  // namespace hubcell::process

// The Python interpreters of this machine that tests run workers with, and virtual environments made for one test.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace hubcell::tests {

inline constexpr const char* kDebianPython = "/usr/bin/python3";

// For a shell.
inline std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char letter : word)
    text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return text + "'";
}

// What the command printed to its standard output, whatever became of it.
inline std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return output;
  std::array<char, 4096> block;
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), pipe))
    output.append(block.data(), count);
  ::pclose(pipe);
  return output;
}

// A command that runs Python code as an untouched process of `python` does; without a sanitizer's runtime.
inline std::string python_command(const std::string& python) {
  return "cd / && timeout 180 env -u LD_PRELOAD -u PYTHONPATH " + quoted(python) + " -B ";
}

struct Interpreter {
  std::string path;
  int major = 0, minor = 0;
  bool has_torch = false;

  bool is_supported() const { return major == 3 && minor >= 9; }
};

inline Interpreter examine(const std::string& path) {
  Interpreter found{.path = path};
  const std::string code =
      "import sys; sys.stdout.write('%d %d ' % sys.version_info[:2])\n"
      "import importlib.util as util; print(int(util.find_spec('torch') is not None))";
  std::istringstream answer(output_of(python_command(path) + "-c " + quoted(code) + " 2>/dev/null"));
  answer >> found.major >> found.minor >> found.has_torch;
  return found;
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Those of HUBCELL_TEST_PYTHONS (paths, with colons between them), in PATH under a name with a version, and of pyenv:
// each that runs, once for each of its versions and once more where it has torch. Debian's own comes first.
inline std::vector<Interpreter> find_interpreters() {
  std::vector<std::string> candidates{kDebianPython};
  for (const std::string& named : split(variable("HUBCELL_TEST_PYTHONS"), ':'))
    candidates.push_back(named);
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator(variable("HOME") + "/.pyenv/versions", none))
    candidates.push_back(version.path() / "bin" / "python");
  for (const char* name : {"python2", "python3.6", "python3.7", "python3.8", "python3.9", "python3.10",
                           "python3.11", "python3.12", "python3.13"}) {
    for (const std::string& folder : split(variable("PATH"), ':'))
      candidates.push_back(folder + "/" + name);
  }
  std::vector<Interpreter> found;
  for (const std::string& candidate : candidates) {
    if (::access(candidate.c_str(), X_OK) != 0) continue;
    const Interpreter interpreter = examine(candidate);
    const bool is_known = std::any_of(found.begin(), found.end(), [&](const Interpreter& other) {
      return other.major == interpreter.major && other.minor == interpreter.minor &&
             (other.has_torch || !interpreter.has_torch);
    });
    if (interpreter.major != 0 && !is_known) found.push_back(interpreter);
  }
  return found;
}

// Of tools/test_environments, or HUBCELL_TEST_TORCH2_PYTHON; empty where there is none.
inline std::string second_torch_python() {
  const std::string named = variable("HUBCELL_TEST_TORCH2_PYTHON");
  const std::string path = named.empty() ? HUBCELL_TEST_TORCH2 : named;
  return ::access(path.c_str(), X_OK) == 0 ? path : "";
}

// A virtual environment of Debian's Python in a folder that does not exist yet; with Debian's torch or without.
class VirtualEnvironment {
 public:
  VirtualEnvironment(std::filesystem::path folder, bool has_torch) : folder_(std::move(folder)) {
    const std::string options = has_torch ? "--system-site-packages " : "";
    output_of(python_command(kDebianPython) + "-m venv --without-pip " + options + quoted(folder_.string()));
  }

  const std::filesystem::path& folder() const { return folder_; }
  std::string python() const { return folder_ / "bin" / "python"; }
  std::filesystem::path site_packages() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "lib"))
      return entry.path() / "site-packages";
    return {};
  }
  // Writes `content` to a file of site-packages, making the folders on its way; returns its path.
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    const std::filesystem::path file = site_packages() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
    return file;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace hubcell::tests

// What a process uses, as /proc tells it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/process_tree.h"

namespace hubcell::tests {

struct ProcessUsage {
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  std::size_t children = 0;
  std::size_t memory_kib = 0;  // its own pages and those of shared memory; files that are mapped do not count
};

inline std::size_t entries_of(const std::filesystem::path& folder) {
  std::error_code gone;
  std::size_t count = 0;
  for (auto entry = std::filesystem::directory_iterator(folder, gone);
       entry != std::filesystem::directory_iterator(); entry.increment(gone))
    ++count;
  return count;
}

inline std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos)
      pids.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return pids;
}

// Zombies too: they wait for their parent.
inline std::size_t count_children(pid_t pid) {
  std::size_t count = 0;
  for (const pid_t other : all_processes())
    count += parent_of(other) == pid ? 1 : 0;
  return count;
}

// Processes that were started with `assignment` (NAME=value) in their environment.
inline std::size_t count_started_with(const std::string& assignment) {
  std::size_t count = 0;
  for (const pid_t pid : all_processes()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    count += environment.find(assignment + '\0') != std::string::npos ? 1 : 0;
  }
  return count;
}

inline ProcessUsage usage_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessUsage usage{.descriptors = entries_of(folder + "/fd"),
                     .threads = entries_of(folder + "/task"),
                     .children = count_children(pid)};
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    for (const char* field : {"RssAnon:", "RssShmem:"}) {
      if (line.starts_with(field)) usage.memory_kib += std::stoul(line.substr(std::string(field).size()));
    }
  }
  return usage;
}

}  // namespace hubcell::tests

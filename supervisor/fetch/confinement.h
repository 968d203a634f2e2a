// What a fetcher gives up before it reads anything foreign: all files but those of its job, and the network where it needs none.
#pragma once

#include <filesystem>
#include <vector>

namespace hubcell::fetch {

// Files and folders; what does not exist is left out.
struct Confinement {
  std::vector<std::filesystem::path> readable = {};
  std::vector<std::filesystem::path> writable = {};
  bool network = false;  // TCP, and what the resolver and the authorities need
};

// By Landlock and a filter of system calls (refused_calls.h), for good; once. Where the kernel has none, it says so in the log.
void confine(const Confinement& confinement);

}  // namespace hubcell::fetch

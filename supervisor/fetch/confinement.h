// What a fetcher may do to files from here on: read the remote, write the cache, nothing else.
#pragma once

#include <filesystem>

namespace hubcell::fetch {

// Enters Landlock: `cache_root` can be written, the local remote `remote` be read, no TCP. On a kernel
// without Landlock it says so in the log and goes on.
void confine(const std::filesystem::path& cache_root, const std::filesystem::path& remote);

// The same for a remote on another machine: TCP, and what names, certificates and the resolver's libraries need, can be
// read instead of a local remote.
void confine_to_network(const std::filesystem::path& cache_root);

}  // namespace hubcell::fetch

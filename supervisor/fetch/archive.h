// The archive of a commit, unpacked: .tar.gz, as hosts make it with `git archive`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

namespace hubcell::fetch {

// More of the archive; 0 at its end.
using ReadBytes = std::function<std::size_t(std::span<std::byte> buffer)>;

// Unpacks into `folder`, which is empty, without the folder that the archive has everything in. Files, folders and links are
// made; the right to execute is kept. Throws Error(Source), in one line, on anything else, on a path or link that leads
// out, on a name that comes twice, and beyond 16 GiB, 500,000 entries, or 1,000 times as much as was read: a bomb.
void unpack_archive(const ReadBytes& read, const std::filesystem::path& folder);

}  // namespace hubcell::fetch

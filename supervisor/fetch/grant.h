// What a worker may read: links in the folder that is its own, copies where it lies on another file system.
#pragma once

#include <filesystem>

namespace hubcell::fetch {

// `link` becomes a name of the file. Throws Error(System).
void grant_file(const std::filesystem::path& file, const std::filesystem::path& link);

// `copy` becomes a folder with the same folders, and links to the files.
void grant_tree(const std::filesystem::path& folder, const std::filesystem::path& copy);

}  // namespace hubcell::fetch

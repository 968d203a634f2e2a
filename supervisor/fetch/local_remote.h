// A remote that is a folder of this machine: file:// URLs, and what must be readable to read one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hubcell::fetch {

// The path that a file:// URL names. Throws Error(Source) on any other kind of URL.
std::filesystem::path local_path(const std::string& url);

// The folder that `url` names. Throws Error(Source) on any other kind of URL, and where there is no such
// folder.
std::filesystem::path local_remote_folder(const std::string& url);

// file:// and `folder`, escaped so that libgit2 reads it back as it is.
std::string file_url(const std::filesystem::path& folder);

// `remote` and the folders outside of it that it is made of: where its .git file points (work trees,
// submodules) and where it borrows objects (clones made with --shared or --reference).
std::vector<std::string> folders_of_remote(const std::filesystem::path& remote);

}  // namespace hubcell::fetch

#include "supervisor/fetch/local_remote.h"

#include <cctype>
#include <fstream>
#include <string_view>

#include <hubcell/error.h>

#include "supervisor/fetch/url.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "file://";
// git itself follows that many alternates of alternates.
constexpr int kAlternatesDepthMax = 5;
constexpr std::size_t kAlternatesMax = 100;
constexpr std::size_t kLineBytesMax = 4096;

// Lines of a small text file, without their ends; none where it cannot be read.
std::vector<std::string> read_lines(const fs::path& file) {
  std::vector<std::string> lines;
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return lines;
  std::ifstream stream(file);
  for (std::string line; lines.size() < kAlternatesMax && std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line.size() <= kLineBytesMax) lines.push_back(line);
  }
  return lines;
}

// The folder with HEAD, refs and the rest: below a work tree, or the folder itself.
fs::path git_folder(const fs::path& remote) {
  fs::path below = remote / ".git";
  std::error_code ignored;
  if (fs::is_directory(below, ignored)) return below;
  constexpr std::string_view kLabel = "gitdir: ";
  for (const std::string& line : read_lines(below)) {
    if (line.starts_with(kLabel)) return remote / line.substr(kLabel.size());
  }
  return remote;
}

// A second work tree keeps only what is its own, and names the folder of the rest.
fs::path common_folder(const fs::path& git) {
  const std::vector<std::string> lines = read_lines(git / "commondir");
  return lines.empty() ? git : git / lines.front();
}

void add_alternates(const fs::path& objects, int depth, std::vector<std::string>& folders) {
  folders.push_back(objects);
  if (depth == kAlternatesDepthMax) return;
  for (const std::string& line : read_lines(objects / "info" / "alternates")) {
    if (!line.starts_with('#') && folders.size() < kAlternatesMax)
      add_alternates(objects / line, depth + 1, folders);
  }
}

}  // namespace

fs::path local_path(const std::string& url) {
  if (source::lower_case(url.substr(0, kScheme.size())) != kScheme) {
    throw Error(ErrorCode::Source,
                url +
                    ": only https://, http://, ssh:// and file:// work in this version; a remote can be "
                    "cloned (git clone --mirror) and loaded as file:///path/name.git");
  }
  const std::size_t slash = url.find('/', kScheme.size());
  return slash == std::string::npos ? "" : unescaped(std::string_view(url).substr(slash));
}

fs::path local_remote_folder(const std::string& url) {
  const fs::path folder = local_path(url);
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) {
    const bool missing = !failed || failed == std::errc::no_such_file_or_directory;
    throw Error(ErrorCode::Source,
                "no repository at " + url + ": " + (missing ? "there is no such folder" : failed.message()));
  }
  return folder;
}

std::string file_url(const fs::path& folder) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string url(kScheme);
  for (const char letter : folder.native()) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) != 0 || std::string_view("/-._~").find(letter) != std::string_view::npos) {
      url += letter;
    } else {
      url += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
    }
  }
  return url;
}

std::vector<std::string> folders_of_remote(const fs::path& remote) {
  const fs::path git = git_folder(remote);
  const fs::path common = common_folder(git);
  std::vector<std::string> folders{remote, git, common};
  add_alternates(common / "objects", 0, folders);
  return folders;
}

}  // namespace hubcell::fetch

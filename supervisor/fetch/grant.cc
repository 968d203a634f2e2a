#include "supervisor/fetch/grant.h"

#include <unistd.h>

#include <system_error>

#include <hubcell/error.h>

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& what, const std::error_code& failed) {
  throw Error(ErrorCode::System, "let the worker read " + what.string() + ": " + failed.message());
}

}  // namespace

void grant_file(const fs::path& file, const fs::path& link) {
  // A link in the cache (torch.hub's users make them) stands for what it names; hard links would be to the link.
  std::error_code failed;
  const fs::path real = fs::canonical(file, failed);
  if (failed) refuse(file, failed);
  fs::remove(link, failed);
  if (::link(real.c_str(), link.c_str()) == 0) return;
  // On another file system, or somebody else's.
  if (!fs::copy_file(real, link, failed)) refuse(file, failed);
}

void grant_tree(const fs::path& folder, const fs::path& copy) {
  std::error_code failed;
  fs::create_directories(copy, failed);
  if (failed) refuse(folder, failed);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path place = copy / entry.path().lexically_relative(folder);
    if (entry.is_symlink()) {
      fs::copy_symlink(entry.path(), place, failed);
    } else if (entry.is_directory()) {
      fs::create_directory(place, failed);
    } else {
      grant_file(entry.path(), place);
    }
    if (failed) refuse(entry.path(), failed);
  }
}

}  // namespace hubcell::fetch

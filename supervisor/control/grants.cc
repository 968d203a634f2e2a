#include "supervisor/control/grants.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::control {
namespace {

namespace fs = std::filesystem;

posix::PrivateFolder make_folder(const std::string& cache_root) {
  std::error_code failed;
  // A cache is made by what is fetched into it, and not for a folder that is loaded where it lies.
  if (!cache_root.empty() && ::access(cache_root.c_str(), W_OK) == 0) {
    const fs::path root = source::grants_folder(cache_root);
    fs::create_directory(root, failed);
    if (!failed) return posix::PrivateFolder::create(root);
  }
  return posix::PrivateFolder::create(posix::temporary_root("-grants"));
}

}  // namespace

Grants::Grants(const std::string& cache_root) : folder_(make_folder(cache_root)) {}

std::string Grants::next(const std::string& name) {
  return path() + "/" + std::to_string(++count_) + "-" + source::path_of_text(name).filename().string();
}

// The removals are waited for: what they remove are links, and there are few.
void Grants::sweep(const std::string& cache_root) {
  std::vector<std::string> roots{source::grants_folder(cache_root)};
  try {
    roots.push_back(posix::temporary_root("-grants"));
    for (const std::string& root : roots)
      for (posix::ChildProcess& removal : posix::sweep_private_folders(root))
        removal.wait();
  } catch (const Error& failure) {
    log::debug(failure.what());
  }
}

}  // namespace hubcell::control

#include "shared/posix/private_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>

#include <hubcell/error.h>

#include "shared/posix/message_socket.h"
#include "shared/posix/system_error.h"

namespace hubcell::posix {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockSuffix = ".lock";

// The lock of `path`, if nobody holds it; an empty owner otherwise.
UniqueFd try_lock(const std::string& path, int flags) {
  UniqueFd lock(::open((path + kLockSuffix).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  struct stat status {};
  // A sweeper may have removed the file between our opening and our locking it.
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(lock.get(), &status) != 0 ||
      status.st_nlink == 0) {
    return {};
  }
  return lock;
}

// One that is empty needs no process: a worker's is, where it wrote into a file system of its own that was mounted over it.
bool remove_empty(const std::string& path) {
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return false;
  ::unlink((path + kLockSuffix).c_str());
  return true;
}

// Folders may be nested deeper than a path can name, hold any number of files, and be closed to their own
// owner: chmod and rm know all that. The lock goes last, so that a removal that did not get there is found by
// the next sweep.
std::optional<ChildProcess> start_removal(const std::string& path) {
  if (remove_empty(path)) return std::nullopt;
  constexpr const char* kScript = "chmod -R u+rwX -- \"$1\"; rm -rf -- \"$1\" && rm -f -- \"$1$2\"";
  return spawn({.program = "/bin/sh",
                .arguments = {"-c", std::string("exec 2>/dev/null; ") + kScript, "sh", path, kLockSuffix},
                .environment = {"PATH=/usr/bin:/bin"},
                .directory = "/",
                .descriptors = {}});
}

std::string random_name() {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof(name), "worker-%08x%08x", random(), random());
  return name;
}

}  // namespace

std::string temporary_root(const std::string& suffix) {
  const char* temporary = std::getenv("TMPDIR");
  std::string root = temporary == nullptr || *temporary != '/' ? "/tmp" : temporary;
  root += "/hubcell-" + std::to_string(::geteuid()) + suffix;
  make_private_root(root);
  return root;
}

void make_private_root(const std::string& root) {
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error(ErrorCode::System, "make the folder " + root + ": " + std::generic_category().message(errno) +
                                       "; set TMPDIR to a folder that can be written");
  }
  struct stat status {};
  checked(::lstat(root.c_str(), &status), "look at " + root);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    throw Error(ErrorCode::System,
                "use " + root + ": it is not a private folder of this user; remove it or set TMPDIR");
  }
}

std::vector<ChildProcess> sweep_private_folders(const std::string& root) {
  std::vector<ChildProcess> removals;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, failure)) {
    if (entry.path().extension() != kLockSuffix) continue;
    const std::string path = fs::path(entry.path()).replace_extension();
    const UniqueFd lock = try_lock(path, 0);
    if (!lock) continue;
    if (std::optional<ChildProcess> removal = start_removal(path)) removals.push_back(std::move(*removal));
  }
  return removals;
}

void finish_removals(std::vector<ChildProcess> removals, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (const ChildProcess& removal : removals) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    wait_readable(removal.pidfd(), std::max(left, std::chrono::milliseconds(0)));
  }
}

PrivateFolder PrivateFolder::create(const std::string& root) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string path = root + "/" + random_name();
    UniqueFd lock = try_lock(path, O_CREAT | O_EXCL);
    if (!lock) continue;
    checked(::mkdir(path.c_str(), 0700), "make " + path);
    return PrivateFolder(std::move(path), std::move(lock));
  }
  throw Error(ErrorCode::System, "make a private folder below " + root + ": no file can be made there");
}

std::optional<ChildProcess> PrivateFolder::remove() const {
  return start_removal(path_);
}

void PrivateFolder::remove_own() const noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  fs::remove(path_ + kLockSuffix, ignored);
}

}  // namespace hubcell::posix

#include "worker/scratch_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/system_error.h"

namespace hubcell::worker {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockSuffix = ".lock";

// The lock of `path`, if nobody holds it; an empty owner otherwise.
posix::UniqueFd try_lock(const std::string& path, int flags) {
  posix::UniqueFd lock(::open((path + kLockSuffix).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  struct stat status{};
  // A sweeper may have removed the file between our opening and our locking it.
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(lock.get(), &status) != 0 ||
      status.st_nlink == 0) {
    return {};
  }
  return lock;
}

void remove_tree(const fs::path& path) {
  std::error_code failure;
  // Foreign code may have taken its folders' permissions away from us; as their owner we give them back.
  for (auto entry =
           fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    if (entry->is_directory(failure) && !entry->is_symlink(failure)) {
      fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, failure);
    }
  }
  fs::remove_all(path, failure);
  if (failure) log::warn("remove " + path.string() + ": " + failure.message());
}

std::string random_name() {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof(name), "worker-%08x%08x", random(), random());
  return name;
}

}  // namespace

std::string scratch_root() {
  const char* temporary = std::getenv("TMPDIR");
  std::string root = temporary == nullptr || *temporary != '/' ? "/tmp" : temporary;
  root += "/hubcell-" + std::to_string(::geteuid());
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) posix::throw_errno("make " + root);
  struct stat status{};
  posix::checked(::lstat(root.c_str(), &status), "look at " + root);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    throw Error(ErrorCode::System,
                "use " + root + ": it is not a private folder of this user; remove it or set TMPDIR");
  }
  return root;
}

void sweep_scratch_folders(const std::string& root) {
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, failure)) {
    if (entry.path().extension() != kLockSuffix) continue;
    const std::string path = fs::path(entry.path()).replace_extension();
    const posix::UniqueFd lock = try_lock(path, 0);
    if (!lock) continue;
    remove_tree(path);
    ::unlink(entry.path().c_str());
  }
}

ScratchFolder ScratchFolder::create(const std::string& root) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string path = root + "/" + random_name();
    posix::UniqueFd lock = try_lock(path, O_CREAT | O_EXCL);
    if (!lock) continue;
    posix::checked(::mkdir(path.c_str(), 0700), "make " + path);
    return ScratchFolder(std::move(path), std::move(lock));
  }
  throw Error(ErrorCode::System, "make a scratch folder below " + root + ": no file can be made there");
}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

ScratchFolder::~ScratchFolder() {
  if (!lock_) return;
  remove_tree(path_);
  ::unlink((path_ + kLockSuffix).c_str());
}

}  // namespace hubcell::worker

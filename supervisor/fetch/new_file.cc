#include "supervisor/fetch/new_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <system_error>
#include <utility>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "supervisor/fetch/files.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = ".hubcell-";
constexpr const char* kSuffix = ".partial";

fs::path random_name(const fs::path& folder) {
  std::random_device random;
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%08x%08x", random(), random());
  return folder / (std::string(kPrefix) + digits + kSuffix);
}

mode_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

}  // namespace

NewFile::NewFile(fs::path folder, bool may_be_unnamed) : folder_(std::move(folder)) {
  make_folders(folder_);
  remove_abandoned();
  if (may_be_unnamed) file_.reset(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file_) return;
  partial_ = random_name(folder_);
  file_.reset(posix::checked(::open(partial_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                             "make a file in " + folder_.string()));
  ::flock(file_.get(), LOCK_EX | LOCK_NB);
}

NewFile::~NewFile() {
  std::error_code ignored;
  if (!partial_.empty()) fs::remove(partial_, ignored);
}

// Their writers hold a lock for as long as they live.
void NewFile::remove_abandoned() const {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, failed)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const posix::UniqueFd opened(::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (opened && ::flock(opened.get(), LOCK_EX | LOCK_NB) == 0) fs::remove(entry.path(), failed);
  }
}

void NewFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT)) {
      throw Error(ErrorCode::System, "write into " + folder_.string() + ": the disk is full after " +
                                         std::to_string(bytes_) + " bytes; make room or set TORCH_HOME");
    }
    posix::checked(count, "write into " + folder_.string());
    bytes_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void NewFile::clear() {
  const std::string attempt = "begin a file in " + folder_.string() + " anew";
  posix::checked(::ftruncate(file_.get(), 0), attempt);
  posix::checked(::lseek(file_.get(), 0, SEEK_SET), attempt);
  bytes_ = 0;
}

std::uint64_t NewFile::free_bytes() const {
  struct statvfs found {};
  posix::checked(::fstatvfs(file_.get(), &found), "look at the disk of " + folder_.string());
  return std::uint64_t{found.f_bavail} * found.f_frsize;
}

void NewFile::put_in_place(const std::string& name, mode_t mode) {
  const fs::path place = folder_ / name;
  const std::string attempt = "put " + place.string() + " in place";
  posix::checked(::fchmod(file_.get(), mode & ~current_umask()), attempt);
  posix::checked(::fsync(file_.get()), attempt);
  if (partial_.empty()) {
    const std::string unnamed = "/proc/self/fd/" + std::to_string(file_.get());
    const auto link_as = [&](const fs::path& link) {
      return ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, link.c_str(), AT_SYMLINK_FOLLOW);
    };
    if (link_as(place) == 0) return;
    if (errno != EEXIST) posix::throw_errno(attempt);
    // Nothing is linked over something: a second name is, for a moment.
    const fs::path second = random_name(folder_);
    posix::checked(link_as(second), attempt);
    partial_ = second;
  }
  fetch::put_in_place(partial_, place);
  partial_.clear();
}

}  // namespace hubcell::fetch

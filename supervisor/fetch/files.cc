#include "supervisor/fetch/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr fs::perms kWriteRights = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;

}  // namespace

// One fetcher at a time works in a repository's folder: its pid is enough.
Temporary::Temporary(const fs::path& folder)
    : path_(folder / (source::kTemporaryPrefix + std::to_string(::getpid()))) {}

Temporary::~Temporary() {
  try {
    remove_tree(path_);
  } catch (const std::exception& error) {
    log::warn("remove " + path_.string() + ": " + error.what());
  }
}

void make_folders(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    throw Error(ErrorCode::System, "make the cache folder " + folder.string() + ": " + failed.message() +
                                       "; set TORCH_HOME to a folder that you can write");
  }
}

void make_read_only(const fs::path& folder) {
  const std::string attempt = "make " + folder.string() + " read-only";
  const posix::UniqueFd opened(
      posix::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), attempt));
  // After a loss of power, a checkout that has its name must not have empty files.
  posix::checked(::syncfs(opened.get()), attempt);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_symlink()) fs::permissions(entry.path(), kWriteRights, fs::perm_options::remove);
  }
  fs::permissions(folder, kWriteRights, fs::perm_options::remove);
}

void write_all(int file, std::string_view content, const std::string& attempt) {
  while (!content.empty()) {
    const ssize_t count = ::write(file, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    content.remove_prefix(static_cast<std::size_t>(posix::checked(count, attempt)));
  }
}

void remove_tree(const fs::path& path) {
  std::error_code failed;
  if (fs::is_directory(fs::symlink_status(path, failed))) {
    // The order matters: a folder must be opened up before its own entries are looked at.
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, failed);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_directory() && !entry.is_symlink())
        fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add, failed);
    }
  }
  fs::remove_all(path);
}

void remove_temporaries(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().native().starts_with(source::kTemporaryPrefix)) remove_tree(entry.path());
  }
}

void put_in_place(const fs::path& from, const fs::path& to) {
  posix::checked(::rename(from.c_str(), to.c_str()), "put " + to.string() + " in place");
}

std::string read_whole_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_whole_file(const fs::path& folder, const fs::path& name, const std::string& content) {
  const fs::path file = folder / name;
  const std::string attempt = "write " + file.string();
  make_folders(file.parent_path());
  const Temporary temporary(folder);
  const posix::UniqueFd opened(posix::checked(
      ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), attempt));
  write_all(opened.get(), content, attempt);
  posix::checked(::fsync(opened.get()), attempt);
  put_in_place(temporary.path(), file);
}

}  // namespace hubcell::fetch

// A file that is written before it has a name, so that a process that is killed leaves nothing.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "shared/posix/unique_fd.h"

namespace hubcell::fetch {

class NewFile {
 public:
  // In `folder`, on whose file system it lies. Where that knows no unnamed files (`may_be_unnamed` is for tests) it gets
  // a name that ends with `.partial`, which the next download in the folder removes if its writer has ended.
  explicit NewFile(std::filesystem::path folder, bool may_be_unnamed = true);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  // Throws Error(System): on a full disk with what to do.
  void append(std::span<const std::byte> bytes);
  std::uint64_t bytes() const { return bytes_; }
  void clear();
  // How much the file system has left, as far as this user may fill it.
  std::uint64_t free_bytes() const;

  // Writes it all to disk and names it `folder` / `name`, in the place of what has that name. `mode` less the umask are
  // its rights. Once.
  void put_in_place(const std::string& name, mode_t mode);

 private:
  void remove_abandoned() const;

  std::filesystem::path folder_;
  std::filesystem::path partial_;  // empty where it has no name
  posix::UniqueFd file_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hubcell::fetch

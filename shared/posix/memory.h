// Anonymous shared memory: a memfd of a fixed size, and a mapping of one.
//
// Boost.Interprocess makes the mapping; nothing of its managed segments or mutexes is used, because no lock
// or bookkeeping may lie in memory that a worker can write.
#pragma once

#include <boost/interprocess/mapped_region.hpp>

#include <cstddef>
#include <span>
#include <string>

#include "shared/posix/unique_fd.h"

namespace hubcell::posix {

// A close-on-exec memfd of `bytes`, sparse, sealed against growing, shrinking and further seals.
UniqueFd make_sealed_memfd(const std::string& name, std::size_t bytes);

// The same, but for that it may be sealed once more:
UniqueFd make_writable_memfd(const std::string& name, std::size_t bytes);
// Nobody changes it from now on. False where somebody could, because a writable mapping of it lives.
bool seal_against_writing(int fd);

// Size of the file behind `fd` in bytes.
std::size_t file_bytes(int fd);

// The first `bytes` of a memfd, mapped shared. Owns the mapping, not the descriptor.
class Mapping {
 public:
  static Mapping of(int fd, std::size_t bytes);  // writable
  static Mapping for_reading(int fd, std::size_t bytes);
  // Of one that is sealed against writing; before Linux 6.7 nobody maps that shared.
  static Mapping of_sealed(int fd, std::size_t bytes);
  // The same, to be written, too: what is written is this process's own.
  static Mapping private_of(int fd, std::size_t bytes);

  std::byte* data() const { return static_cast<std::byte*>(region_.get_address()); }
  std::size_t size() const { return region_.get_size(); }

 private:
  Mapping(int fd, std::size_t bytes, boost::interprocess::mode_t mode);
  boost::interprocess::mapped_region region_;
};

// Gives the pages that lie wholly inside [offset, offset + bytes) of a memfd back to the kernel.
void punch_hole(int fd, std::size_t offset, std::size_t bytes);

}  // namespace hubcell::posix

#include "shared/posix/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"

namespace hubcell::posix {
namespace {

// What mapped_region asks of a "memory mappable" object.
struct MappableFd {
  boost::interprocess::mapping_handle_t get_mapping_handle() const { return {.handle = fd, .is_xsi = false}; }
  int fd;
};

}  // namespace

UniqueFd make_writable_memfd(const std::string& name, std::size_t bytes) {
  UniqueFd fd(checked(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING), "make a memfd"));
  checked(::ftruncate(fd.get(), static_cast<off_t>(bytes)), "size a memfd");
  checked(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), "seal a memfd");
  return fd;
}

UniqueFd make_sealed_memfd(const std::string& name, std::size_t bytes) {
  UniqueFd fd = make_writable_memfd(name, bytes);
  checked(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL), "seal a memfd");
  return fd;
}

// EPERM: whoever had it has sealed it against seals.
bool seal_against_writing(int fd) {
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0) return true;
  if (errno == EBUSY || errno == EPERM) return false;
  throw_errno("seal a memfd against writing");
}

std::size_t file_bytes(int fd) {
  struct stat status {};
  checked(::fstat(fd, &status), "read the size of a memfd");
  return static_cast<std::size_t>(status.st_size);
}

Mapping Mapping::of(int fd, std::size_t bytes) {
  return {fd, bytes, boost::interprocess::read_write};
}

Mapping Mapping::for_reading(int fd, std::size_t bytes) {
  return {fd, bytes, boost::interprocess::read_only};
}

Mapping Mapping::of_sealed(int fd, std::size_t bytes) {
  return {fd, bytes, boost::interprocess::read_private};
}

Mapping Mapping::private_of(int fd, std::size_t bytes) {
  return {fd, bytes, boost::interprocess::copy_on_write};
}

Mapping::Mapping(int fd, std::size_t bytes, boost::interprocess::mode_t mode) {
  namespace ipc = boost::interprocess;
  try {
    region_ = ipc::mapped_region(MappableFd{fd}, mode, 0, bytes);
  } catch (const ipc::interprocess_exception& failure) {
    throw Error(ErrorCode::System,
                "map " + std::to_string(bytes) + " bytes of shared memory: " + failure.what());
  }
}

void punch_hole(int fd, std::size_t offset, std::size_t bytes) {
  constexpr std::size_t kPageBytes = 4096;
  const std::size_t begin = (offset + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::size_t end = (offset + bytes) / kPageBytes * kPageBytes;
  if (end <= begin) return;
  // A failure costs memory, never correctness: the pages just stay.
  (void)::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                    static_cast<off_t>(end - begin));
}

}  // namespace hubcell::posix

#include "supervisor/fetch/cache_lock.h"

#include <fcntl.h>

#include <chrono>
#include <thread>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/files.h"

namespace hubcell::fetch {
namespace {

constexpr std::chrono::milliseconds kTryEvery{20};

boost::interprocess::file_lock opened(const std::filesystem::path& file) {
  make_folders(file.parent_path());
  // file_lock wants a file that exists. This descriptor is closed before there is a lock to lose.
  posix::UniqueFd made(posix::checked(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666),
                                      "open the lock " + file.string()));
  made.reset();
  return boost::interprocess::file_lock(file.c_str());
}

}  // namespace

CacheLock::CacheLock(const std::filesystem::path& file, const std::string& what, Reporter& reporter)
    : lock_(opened(file)) {
  if (lock_.try_lock()) return;
  reporter.progress("wait for another " + what);
  while (!lock_.try_lock()) {
    if (!reporter.goes_on()) throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
    std::this_thread::sleep_for(kTryEvery);
  }
}

}  // namespace hubcell::fetch

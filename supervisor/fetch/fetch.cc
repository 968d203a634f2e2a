#include "supervisor/fetch/fetch.h"

#include <fcntl.h>

#include <boost/interprocess/sync/file_lock.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/checkout.h"
#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/remote.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

// Keeps other fetchers out of the repository's folder. The kernel's lock belongs to the process and falls
// with the first descriptor of the file that is closed: nothing else here may open that file again.
class RepositoryLock {
 public:
  RepositoryLock(const fs::path& file, const std::string& shown_as, Reporter& reporter)
      : lock_(opened(file)) {
    if (lock_.try_lock()) return;
    reporter.progress("wait for another fetch of " + shown_as);
    lock_.lock();
  }
  RepositoryLock(const RepositoryLock&) = delete;
  RepositoryLock& operator=(const RepositoryLock&) = delete;
  ~RepositoryLock() { lock_.unlock(); }

 private:
  static boost::interprocess::file_lock opened(const fs::path& file) {
    // file_lock wants a file that exists. This descriptor is closed before there is a lock to lose.
    posix::UniqueFd made(posix::checked(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666),
                                        "open the lock " + file.string()));
    made.reset();
    return boost::interprocess::file_lock(file.c_str());
  }

  boost::interprocess::file_lock lock_;
};

void check_job(const wire::FetchJob& job) {
  if (job.url.empty() || job.name.empty() || !fs::path(job.cache_root).is_absolute())
    throw Error(ErrorCode::Protocol, "fetch: the job has no URL, no name, or no full path of the cache");
}

void make_place(const source::RepositoryFolder& place) {
  make_folders(place.checkouts());
  make_folders(place.index());
}

void remove_leftovers(const source::RepositoryFolder& place) {
  for (const fs::path& folder : {place.path(), place.checkouts(), place.index()})
    remove_temporaries(folder);
}

// The last step of all: from here on the supervisor finds it. The default branch is found by its name, too.
void write_index(const source::RepositoryFolder& place, const std::optional<std::string>& asked_for,
                 const ChosenRef& chosen) {
  const std::string entry = source::IndexEntry{.ref = chosen.ref, .commit = chosen.commit}.to_text();
  std::vector<std::string> names{asked_for.value_or(source::kDefaultRef)};
  if (!asked_for) names.push_back(chosen.ref);
  for (const std::string& name : names)
    write_whole_file(place.index(), source::path_of_text(name), entry);
}

}  // namespace

wire::FetchResult fetch(const wire::FetchJob& job, Reporter& reporter) {
  check_job(job);
  const std::unique_ptr<Remote> remote = open_remote(job.url, reporter);
  const source::RepositoryFolder place(job.cache_root, job.url);
  make_place(place);
  remote->confine(job.cache_root);
  const RepositoryLock lock(place.lock_file(), job.name, reporter);
  remove_leftovers(place);
  const git::Library library;
  reporter.progress("list the refs of " + job.name);
  const RefListing listing = remote->list_refs();
  const ChosenRef chosen = choose_ref(listing, job.ref, job.url);
  if (!fs::exists(place.checkout(chosen.commit))) {
    const git::Repository mirror = open_mirror(place.mirror());
    remote->bring_commit(mirror.get(), listing, chosen);
    write_checkout(mirror.get(), place, chosen.commit, job.name, reporter);
  }
  write_index(place, job.ref, chosen);
  return {.ok = true,
          .error_message = {},
          .ref = chosen.ref,
          .commit = chosen.commit,
          .checkout = place.checkout(chosen.commit),
          .warnings = chosen.warnings};
}

}  // namespace hubcell::fetch

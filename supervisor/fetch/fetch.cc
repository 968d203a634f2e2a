#include "supervisor/fetch/fetch.h"

#include <fcntl.h>

#include <boost/interprocess/sync/file_lock.hpp>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include <hubcell/error.h>

#include "shared/posix/system_error.h"
#include "shared/posix/unique_fd.h"
#include "supervisor/fetch/checkout.h"
#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/confinement.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/git_http.h"
#include "supervisor/fetch/http.h"
#include "supervisor/fetch/local_remote.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/network_remote.h"
#include "supervisor/fetch/remote_refs.h"
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

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string github_url() {
  const std::string other = variable("HUBCELL_GITHUB_URL");
  return other.empty() ? "https://github.com" : other;
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
  const bool is_far = is_network_url(job.url);
  const fs::path remote = is_far ? fs::path() : local_remote_folder(job.url);
  const source::RepositoryFolder place(job.cache_root, job.url);
  make_place(place);
  std::optional<HttpLibrary> http;
  if (is_far) {
    http.emplace();
    confine_to_network(job.cache_root);
  } else {
    confine(job.cache_root, remote);
  }
  const RepositoryLock lock(place.lock_file(), job.name, reporter);
  remove_leftovers(place);
  const git::Library library;
  const std::string attempt = "list the refs of " + job.name;
  const HttpSettings settings{.token = variable("GITHUB_TOKEN"), .token_url = github_url(), .goes_on = [&] {
                                return reporter.progress(attempt);
                              }};
  if (is_far) git::use_http(settings);
  reporter.progress(attempt);
  const RefListing listing = list_refs(is_far ? job.url : file_url(remote));
  const ChosenRef chosen = choose_ref(listing, job.ref, job.url);
  if (!fs::exists(place.checkout(chosen.commit))) {
    const git::Repository mirror = open_mirror(place.mirror());
    if (is_far) {
      fetch_commit(mirror.get(), job.url, listing, chosen, reporter);
    } else {
      copy_commit(mirror.get(), remote, job.url, listing, chosen, reporter);
    }
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

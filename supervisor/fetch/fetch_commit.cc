#include "supervisor/fetch/fetch_commit.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/fetch/cache_lock.h"
#include "supervisor/fetch/checkout.h"
#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/export_attributes.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/grant.h"
#include "supervisor/fetch/manage.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/remote.h"
#include "supervisor/source/cache.h"
#include "supervisor/source/cache_layout.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

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

struct Bringing {
  bool is_at_hand;  // in the mirror
  const source::RepositoryFolder& place;
  const std::string& shown_as;
  Reporter& reporter;
};

// A whole commit of another machine's repository needs no look there, where a history that was fetched before contains it. A search among
// commits loads many of those. Not for a worker: what the user's token opened is in the mirror, too.
std::optional<RefListing> refs_at_hand(const wire::CommitJob& job, wire::Origin origin,
                                       const source::RepositoryFolder& place) {
  const std::string commit = source::lower_case(job.ref.value_or(""));
  if (origin != wire::Origin::Caller || job.refresh || !source::is_commit(commit)) return std::nullopt;
  if (!fs::exists(place.mirror())) return std::nullopt;
  const git::Repository mirror = open_mirror(place.mirror());
  RefListing listing = refs_of(mirror.get());
  if (!has_commit(mirror.get(), commit) || !is_contained(mirror.get(), commit, listing)) return std::nullopt;
  return listing;
}

// By the archive of the commit where the host has one, else by git.
void bring_checkout(Remote& remote, const RefListing& listing, const ChosenRef& chosen,
                    const Bringing& bringing) {
  const source::RepositoryFolder& place = bringing.place;
  const Temporary temporary(place.checkouts());
  const fs::path& folder = temporary.path();
  make_folders(folder);
  if (bringing.is_at_hand || !remote.bring_files(chosen, folder)) {
    remove_tree(folder);
    make_folders(folder);
    const git::Repository mirror = open_mirror(place.mirror());
    remote.bring_commit(mirror.get(), listing, chosen);
    check_out(mirror.get(), chosen.commit, folder, bringing.shown_as, bringing.reporter);
    apply_export_attributes(mirror.get(), chosen.commit, folder, listing);
  }
  require_hubconf(folder, chosen.commit, bringing.shown_as);
  make_read_only(folder);
  write_whole_file(place.manifests(), chosen.commit, source::to_text(manifest_of_folder(folder)));
  put_in_place(folder, place.checkout(chosen.commit));
}

// What a worker may have without a look at the remote. The program's own wishes come here when the cache has them not.
std::optional<wire::FetchedCommit> find_cached(const wire::CommitJob& job,
                                               const source::RepositoryFolder& place,
                                               const fs::path& cache_root) {
  if (job.refresh || job.grant.empty() || !fs::exists(place.public_mark())) return std::nullopt;
  const auto cached = source::find_cached(cache_root, job.url, job.ref);
  if (!cached) return std::nullopt;
  return wire::FetchedCommit{.ref = cached->ref, .commit = cached->commit, .checkout = cached->folder};
}

}  // namespace

wire::FetchResult fetch_commit(const wire::CommitJob& job, wire::Origin origin, const fs::path& cache_root,
                               Reporter& reporter) {
  if (job.url.empty() || job.name.empty())
    throw Error(ErrorCode::Protocol, "fetch: the job has no URL or no name");
  const source::RepositoryFolder place(cache_root, job.url);
  if (const auto cached = find_cached(job, place, cache_root)) {
    grant_tree(cached->checkout, job.grant);
    wire::FetchResult result;
    result.commit = *cached;
    return result;
  }
  const std::unique_ptr<Remote> remote = open_remote(job.url, origin, reporter);
  make_place(place);
  Confinement around = remote->confinement();
  around.writable.push_back(cache_root);
  if (!job.grant.empty()) around.writable.push_back(fs::path(job.grant).parent_path());
  confine(around);
  const CacheLock lock(place.lock_file(), "fetch of " + job.name, reporter);
  remove_leftovers(place);
  const git::Library library;
  std::optional<RefListing> listing = refs_at_hand(job, origin, place);
  const bool is_at_hand = listing.has_value();
  if (!listing) {
    reporter.progress("list the refs of " + job.name);
    listing = remote->list_refs();
    if (remote->is_public()) write_whole_file(place.path(), place.public_mark().filename(), "");
  }
  const ChosenRef chosen = choose_ref(*listing, job.ref, job.url);
  const Bringing bringing{
      .is_at_hand = is_at_hand, .place = place, .shown_as = job.name, .reporter = reporter};
  if (!fs::exists(place.checkout(chosen.commit))) bring_checkout(*remote, *listing, chosen, bringing);
  write_index(place, job.ref, chosen);
  if (!job.grant.empty()) grant_tree(place.checkout(chosen.commit), job.grant);
  wire::FetchResult result;
  result.commit = wire::FetchedCommit{
      .ref = chosen.ref, .commit = chosen.commit, .checkout = place.checkout(chosen.commit)};
  result.warnings = chosen.warnings;
  return result;
}

}  // namespace hubcell::fetch

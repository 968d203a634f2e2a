#include "supervisor/fetch/network_remote.h"

#include <optional>
#include <utility>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "supervisor/fetch/archive.h"
#include "supervisor/fetch/git.h"
#include "supervisor/fetch/git_http.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/network_settings.h"
#include "supervisor/fetch/remote_refs.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

// The full name of a branch or tag that is `commit` itself.
std::optional<std::string> name_of(const std::string& commit, const RefListing& listing) {
  for (const auto& [name, id] : listing.branches)
    if (id == commit) return std::string(kBranchPrefix) + name;
  for (const auto& [name, id] : listing.tags)
    if (id == commit) return std::string(kTagPrefix) + name;
  return std::nullopt;
}

// What is fetched keeps its name in the mirror, so that the next fetch tells the server what is here.
std::vector<std::string> refspecs_of(const ChosenRef& chosen, const RefListing& listing) {
  const std::optional<std::string> name = name_of(chosen.commit, listing);
  if (name) return {"+" + *name + ":" + *name};
  if (!chosen.inside_history) return {"+HEAD:refs/hubcell/HEAD"};
  return {"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"};
}

struct Progress {
  Reporter& reporter;
  std::string what;
};

// A nonzero answer ends the fetch.
int report(const git_indexer_progress* now, void* payload) {
  auto* progress = static_cast<Progress*>(payload);
  return progress->reporter.progress(progress->what, now->received_bytes) ? 0 : GIT_EUSER;
}

void fetch_refs(git_repository* mirror, const std::string& url, std::vector<std::string> names,
                Reporter& reporter) {
  const std::string attempt = "fetch " + without_credentials(url);
  git_remote* made = nullptr;
  git::check(::git_remote_create_anonymous(&made, mirror, url.c_str()), attempt);
  const git::Remote remote(made);
  git_fetch_options options;
  git::check(::git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION), attempt);
  Progress progress{.reporter = reporter, .what = attempt};
  options.callbacks.transfer_progress = &report;
  options.callbacks.payload = &progress;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
  std::vector<char*> pointers;
  for (std::string& name : names)
    pointers.push_back(name.data());
  const git_strarray refspecs{.strings = pointers.data(), .count = pointers.size()};
  git::check(::git_remote_fetch(remote.get(), &refspecs, &options, nullptr), attempt);
}

}  // namespace

bool is_network_url(const std::string& url) {
  const std::string begin = source::lower_case(url.substr(0, 8));
  return begin.starts_with("http://") || begin.starts_with("https://");
}

NetworkRemote::NetworkRemote(std::string url, wire::Origin origin, Reporter& reporter)
    : url_(std::move(url)), reporter_(reporter), settings_(network_settings(origin, reporter)) {}

RefListing NetworkRemote::list_refs() {
  git::use_http(settings_);
  return fetch::list_refs(url_);
}

bool NetworkRemote::bring_files(const ChosenRef& chosen, const std::filesystem::path& folder) {
  // A commit inside the history has to be shown to belong to this repository first, which takes the history.
  if (!url_.starts_with(settings_.token_url + "/") || chosen.inside_history) return false;
  const std::string archive = url_.substr(0, url_.size() - (url_.ends_with(".git") ? 4 : 0)) + "/archive/" +
                              chosen.commit + ".tar.gz";
  try {
    HttpTransfer transfer(settings_, {.url = archive});
    if (transfer.response().status != 200)
      throw Error(ErrorCode::Source, describe_status(transfer.response()));
    std::uint64_t received = 0;
    const std::string what = "download " + without_credentials(archive);
    const ReadBytes read = [&](std::span<std::byte> buffer) {
      const std::size_t count = transfer.read(buffer);
      received += count;
      if (!reporter_.progress(what, received))
        throw Error(ErrorCode::Cancelled, "nobody waits for it any more");
      return count;
    };
    unpack_archive(read, folder);
    return true;
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::Source) throw;
    log::info(without_credentials(archive) + ": " + failure.what() + "; fetching by git instead");
    return false;
  }
}

void NetworkRemote::bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) {
  if (!has_commit(mirror, chosen.commit)) fetch_refs(mirror, url_, refspecs_of(chosen, listing), reporter_);
  const std::string shown_as = without_credentials(url_);
  // A fork's commits can be among a server's objects, and then in what was fetched before.
  if (chosen.inside_history) return require_contained(mirror, chosen.commit, shown_as, listing);
  if (!has_commit(mirror, chosen.commit))
    throw Error(ErrorCode::Source, source::in_quotes(chosen.ref) + " of " + shown_as +
                                       " is no commit, or it moved while it was fetched; try again");
}

}  // namespace hubcell::fetch

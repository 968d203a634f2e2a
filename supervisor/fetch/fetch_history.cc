#include "supervisor/fetch/fetch_history.h"

#include <optional>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/fetch/git.h"
#include "supervisor/fetch/mirror.h"
#include "supervisor/fetch/url.h"
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

void fetch_history(git_repository* mirror, const std::string& url, const RefListing& listing,
                   const ChosenRef& chosen, Reporter& reporter) {
  if (!has_commit(mirror, chosen.commit)) fetch_refs(mirror, url, refspecs_of(chosen, listing), reporter);
  const std::string shown_as = without_credentials(url);
  // A fork's commits can be among a server's objects, and then in what was fetched before.
  if (chosen.inside_history) return require_contained(mirror, chosen.commit, shown_as, listing);
  if (!has_commit(mirror, chosen.commit))
    throw Error(ErrorCode::Source, source::in_quotes(chosen.ref) + " of " + shown_as +
                                       " is no commit, or it moved while it was fetched; try again");
}

}  // namespace hubcell::fetch

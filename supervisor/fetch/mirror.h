// The bare repository of the cache, which holds the objects of every commit that was fetched from a remote.
//
// A commit is copied out of a local remote without its history: libgit2's own file:// transport copies every
// branch and tag with all of its history each time, and cannot read a shallow clone at all.
#pragma once

#include <filesystem>
#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/git.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Opens the mirror, and makes it first where there is none or a broken one. Removes what a killed fetcher
// left in it. The caller holds the repository's lock.
git::Repository open_mirror(const std::filesystem::path& folder);

// Throws Error(Source): `attempt`, and why it cannot be opened.
git::Repository open_repository(const std::filesystem::path& folder, const std::string& attempt);

// Copies the chosen commit and its files from the repository `remote` into `mirror`, unless it has them.
// `shown_as` names the remote in messages. Throws Error(Source) where the commit does not exist there or, if
// it is inside the history, no branch and no tag of `listing` contains it.
void copy_commit(git_repository* mirror, const std::filesystem::path& remote, const std::string& shown_as,
                 const RefListing& listing, const ChosenRef& chosen, Reporter& reporter);

// Throws Error(Source) where `remote` has not the chosen commit or, if it is inside the history, no branch and no tag of `listing`
// contains it.
void require_commit(git_repository* remote, const std::string& shown_as, const RefListing& listing,
                    const ChosenRef& chosen);

// Whether `repository` has the commit and can read it.
bool has_commit(git_repository* repository, const std::string& commit);

// Throws Error(Source) unless `repository` has the commit, and knows it in the history of a branch or tag of `listing`.
void require_contained(git_repository* repository, const std::string& commit, const std::string& shown_as,
                       const RefListing& listing);

}  // namespace hubcell::fetch

// The bare repository of the cache, in which fetched commits are read: it has the history that came from another machine, and is lent the
// objects of a remote that is a folder of this one.
//
// Nothing is copied out of a folder: its objects are as good there, and a commit's weights may be large. It is read through the mirror all the
// same, so that what is set and ignored in a foreign repository (its config, its info/attributes) changes nothing. libgit2's own file://
// transport copies every branch and tag with all of its history each time, and cannot read a shallow clone at all.
#pragma once

#include <filesystem>
#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/git.h"

namespace hubcell::fetch {

// Opens the mirror, and makes it first where there is none or a broken one. Removes what a killed fetcher
// left in it. The caller holds the repository's lock.
git::Repository open_mirror(const std::filesystem::path& folder);

// Lets `mirror` read all objects of the repository `remote`, for as long as it is open. `shown_as` names the remote in messages. Throws
// Error(Source) where the chosen commit does not exist there or, if it is inside the history, no branch and no tag of `listing` contains it.
void lend_objects(git_repository* mirror, const std::filesystem::path& remote, const std::string& shown_as,
                  const RefListing& listing, const ChosenRef& chosen);

// Its branches and tags: what those of the remote were when they were fetched. None of a folder's.
RefListing refs_of(git_repository* mirror);

// Whether a branch or tag of `listing` has the commit in its history, and `repository` has that.
bool is_contained(git_repository* repository, const std::string& commit, const RefListing& listing);

// Whether `repository` has the commit and can read it.
bool has_commit(git_repository* repository, const std::string& commit);

// Throws Error(Source) unless `repository` has the commit, and knows it in the history of a branch or tag of `listing`.
void require_contained(git_repository* repository, const std::string& commit, const std::string& shown_as,
                       const RefListing& listing);

}  // namespace hubcell::fetch

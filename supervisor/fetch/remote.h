// Where a repository is fetched from: a folder of this machine, or a server.
#pragma once

#include <git2.h>

#include <filesystem>
#include <memory>
#include <string>

#include "supervisor/fetch/choose_ref.h"
#include "supervisor/fetch/confinement.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

class Remote {
 public:
  virtual ~Remote() = default;

  // What it takes to reach the remote. The process is confined before all below.
  virtual Confinement confinement() const = 0;
  // Whether nothing that identifies the user is sent there: everybody can read what comes back.
  virtual bool is_public() const = 0;
  // libgit2 must have been started (git::Library). Throws Error(Source) where the remote cannot be read.
  virtual RefListing list_refs() = 0;
  // Writes the chosen commit's files into `folder`, as `git archive` has them, where there is a way that costs less than
  // bring_commit. False where there is none or it failed; `folder` may hold something then.
  virtual bool bring_files(const ChosenRef&, const std::filesystem::path&) { return false; }
  // Sees to it that `mirror`, as long as it is open, has the chosen commit, its files, and the history that leads to it. Throws
  // Error(Source) where the commit does not exist there or, if it is inside the history, no branch and no tag of `listing` contains it.
  virtual void bring_commit(git_repository* mirror, const RefListing& listing, const ChosenRef& chosen) = 0;
};

// Borrows `reporter`. Throws Error(Source) on a kind of URL that cannot be fetched, and where there is no such folder.
std::unique_ptr<Remote> open_remote(const std::string& url, wire::Origin origin, Reporter& reporter);

}  // namespace hubcell::fetch

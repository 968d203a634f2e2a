// libgit2's handles with owners, and its error codes as hubcell::Error.
#pragma once

#include <git2.h>

#include <memory>
#include <string>

namespace hubcell::fetch::git {

// libgit2 itself, from construction to destruction: without the owner check (a remote of another user is
// fine, nothing of it is executed), without the configuration of this machine or user, and with packs that
// are on disk before they have their name.
class Library {
 public:
  Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();
};

template <auto Free>
struct Freed {
  template <class Handle>
  void operator()(Handle* handle) const {
    Free(handle);
  }
};

using Repository = std::unique_ptr<git_repository, Freed<git_repository_free>>;
using Remote = std::unique_ptr<git_remote, Freed<git_remote_free>>;
using Commit = std::unique_ptr<git_commit, Freed<git_commit_free>>;
using Tree = std::unique_ptr<git_tree, Freed<git_tree_free>>;
using Object = std::unique_ptr<git_object, Freed<git_object_free>>;
using Reference = std::unique_ptr<git_reference, Freed<git_reference_free>>;
using References = std::unique_ptr<git_reference_iterator, Freed<git_reference_iterator_free>>;
using Diff = std::unique_ptr<git_diff, Freed<git_diff_free>>;
using Patch = std::unique_ptr<git_patch, Freed<git_patch_free>>;
using Objects = std::unique_ptr<git_odb, Freed<git_odb_free>>;

// Returns when `result` is no error code. Else throws Error(Source): `attempt`, and what libgit2 said last.
void check(int result, const std::string& attempt);

// `hex` must be 40 hexadecimal digits.
git_oid parse_id(const std::string& hex);
std::string format_id(const git_oid& id);

}  // namespace hubcell::fetch::git

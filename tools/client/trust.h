// Which repositories of GitHub the caller trusts: our list, and torch.hub's beside it.
//
//     <hub dir>/hubcell/trusted    owner/name lines; ours
//     <hub dir>/trusted_list       owner_name lines; torch.hub's
//
// Both are written, so that torch.hub asks no second time. torch.hub's `a_b_c` may mean a/b_c or a_b/c; it trusts both
// then, and here neither is: of what it left, lines and folders, only that is believed which can be read in one way.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hubcell::client {

struct GithubName {
  std::string owner;
  std::string name;
  std::string ref = {};  // empty: none given

  // As our list and messages have it, and as torch.hub's list and prompt have it.
  std::string line() const { return owner + "/" + name; }
  std::string torch_line() const { return owner + "_" + name; }
};

// Empty for URLs and folders, which need no trust, and for what is no name at all.
std::optional<GithubName> github_name(const std::string& repository);

class TrustList {
 public:
  explicit TrustList(std::string hub_folder);

  // Owners whom torch.hub trusts without asking, what is in a list, and what torch.hub had downloaded before it asked.
  bool trusts(const GithubName& repository) const;
  // owner/name, of both lists; torch.hub's where they can be read in one way.
  std::vector<std::string> names() const;
  // Writes it into both lists, if it is not there. Safe beside other processes. Returns the files that could not be
  // written, each with the reason: "path: reason".
  std::vector<std::string> add(const GithubName& repository) const;
  // Takes it out of both lists; false where neither had it. Throws Error(System) where one cannot be written.
  bool remove(const GithubName& repository) const;

 private:
  bool was_downloaded(const GithubName& repository) const;

  const std::string hub_folder_;
  const std::string our_file_;
  const std::string torch_file_;
};

}  // namespace hubcell::client

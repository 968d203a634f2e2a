// Which commit a ref means, given the list of the remote's refs. Knows nothing of git's libraries.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::fetch {

inline constexpr std::string_view kBranchPrefix = "refs/heads/";
inline constexpr std::string_view kTagPrefix = "refs/tags/";

// What a remote says that it has.
struct RefListing {
  std::map<std::string, std::string> branches;  // short name -> commit
  std::map<std::string, std::string> tags;      // short name -> what it points at in the end
  std::optional<std::string> head;              // commit of HEAD, where that names something that exists
  std::optional<std::string> default_branch;    // short name; empty where HEAD is detached
};

struct ChosenRef {
  std::string ref;     // as it was asked for, or the default branch's name, or "HEAD"
  std::string commit;  // 40 hexadecimal digits
  // No branch or tag points at the commit itself: whether one contains it must be seen in the history.
  bool inside_history = false;
  std::vector<std::string> warnings;
};

// Branch before tag, refs/heads/... and refs/tags/... exactly, then commits: all 40 digits, or 7 and more
// that begin exactly one commit which a branch or tag points at. Empty `ref` or HEAD: the default branch.
// Throws Error(Source) that names `remote` and what it has under a similar name.
ChosenRef choose_ref(const RefListing& listing, const std::optional<std::string>& ref,
                     const std::string& remote);

}  // namespace hubcell::fetch

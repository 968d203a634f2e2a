#include "supervisor/fetch/remote_refs.h"

#include <string_view>

#include "supervisor/fetch/git.h"

namespace hubcell::fetch {
namespace {

// Follows the name of an annotated tag; its commit then follows the tag's own id.
constexpr std::string_view kPeeledSuffix = "^{}";

void take_head(RefListing& listing, const git_remote_head& head) {
  listing.head = git::format_id(head.oid);
  // Never git_remote_default_branch: it crashes where HEAD is detached.
  if (head.symref_target == nullptr) return;
  const std::string_view target = head.symref_target;
  if (target.starts_with(kBranchPrefix)) listing.default_branch = target.substr(kBranchPrefix.size());
}

void take_ref(RefListing& listing, const git_remote_head& head) {
  const std::string_view name = head.name;
  if (name == "HEAD") return take_head(listing, head);
  if (name.starts_with(kBranchPrefix)) {
    listing.branches[std::string(name.substr(kBranchPrefix.size()))] = git::format_id(head.oid);
  } else if (name.starts_with(kTagPrefix)) {
    std::string_view tag = name.substr(kTagPrefix.size());
    if (tag.ends_with(kPeeledSuffix)) tag.remove_suffix(kPeeledSuffix.size());
    listing.tags[std::string(tag)] = git::format_id(head.oid);
  }
}

}  // namespace

RefListing list_refs(const std::string& url) {
  const std::string attempt = "list the refs of " + url;
  git_remote* opened = nullptr;
  git::check(::git_remote_create_detached(&opened, url.c_str()), attempt);
  const git::Remote remote(opened);
  git::check(::git_remote_connect(remote.get(), GIT_DIRECTION_FETCH, nullptr, nullptr, nullptr), attempt);
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  git::check(::git_remote_ls(&heads, &count, remote.get()), attempt);
  RefListing listing;
  for (std::size_t i = 0; i < count; ++i)
    take_ref(listing, *heads[i]);
  return listing;
}

}  // namespace hubcell::fetch

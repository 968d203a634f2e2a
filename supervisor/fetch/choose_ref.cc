#include "supervisor/fetch/choose_ref.h"

#include <set>

#include <hubcell/error.h>

#include "supervisor/source/cache_layout.h"
#include "supervisor/source/nearest.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

constexpr std::size_t kNamesShownMax = 5;

using Names = std::map<std::string, std::string>;

std::vector<std::string> all_names(const RefListing& listing) {
  std::vector<std::string> names;
  for (const Names* of : {&listing.branches, &listing.tags}) {
    for (const auto& [name, commit] : *of)
      names.push_back(name);
  }
  return names;
}

// "main, dev, v1 and 12 more"
std::string enumerate(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamesShownMax; ++i)
    text += (i == 0 ? "" : ", ") + source::printable(names[i]);
  if (names.size() > kNamesShownMax)
    text += " and " + std::to_string(names.size() - kNamesShownMax) + " more";
  return text;
}

// What to offer for `ref`, which is not there.
std::string advice_for(const RefListing& listing, const std::string& ref) {
  const std::vector<std::string> names = all_names(listing);
  // The two usual names of the default branch mean each other, however far apart they are.
  for (const auto& [one, other] : {std::pair("main", "master"), std::pair("master", "main")}) {
    if (ref == one && listing.branches.contains(other)) return source::did_you_mean({other});
  }
  const std::vector<std::string> near = source::nearest_names(ref, names);
  return near.empty() ? " (it has " + enumerate(names) + ")" : source::did_you_mean(near);
}

[[noreturn]] void refuse_unknown(const RefListing& listing, const std::string& ref,
                                 const std::string& remote) {
  std::string message = "no branch or tag " + source::in_quotes(ref) + " at " + remote;
  if (source::may_begin_commit(ref))
    message += ", and no commit that one of them points at begins so (other commits need all 40 digits)";
  throw Error(ErrorCode::Source, message + advice_for(listing, ref));
}

ChosenRef choose_default(const RefListing& listing, const std::string& remote) {
  if (listing.head) {
    return {
        .ref = listing.default_branch.value_or(source::kDefaultRef), .commit = *listing.head, .warnings = {}};
  }
  throw Error(ErrorCode::Source, remote +
                                     " has no default branch: its HEAD names none that exists; say which: " +
                                     enumerate(all_names(listing)));
}

ChosenRef choose_qualified(const RefListing& listing, const std::string& ref, const std::string& remote) {
  const bool is_branch = ref.starts_with(kBranchPrefix);
  if (!is_branch && !ref.starts_with(kTagPrefix)) {
    throw Error(ErrorCode::Source, "ref " + source::in_quotes(ref) + " of " + remote +
                                       ": only refs/heads/... and refs/tags/... can be loaded");
  }
  const Names& names = is_branch ? listing.branches : listing.tags;
  const std::string name = ref.substr(is_branch ? kBranchPrefix.size() : kTagPrefix.size());
  const auto found = names.find(name);
  if (found == names.end()) refuse_unknown(listing, name, remote);
  return {.ref = ref, .commit = found->second, .warnings = {}};
}

std::set<std::string> heads_that_begin(const RefListing& listing, const std::string& digits) {
  const std::string wanted = source::lower_case(digits);
  std::set<std::string> found;
  for (const Names* names : {&listing.branches, &listing.tags}) {
    for (const auto& [name, commit] : *names) {
      if (commit.starts_with(wanted)) found.insert(commit);
    }
  }
  if (listing.head && listing.head->starts_with(wanted)) found.insert(*listing.head);
  return found;
}

ChosenRef choose_commit(const RefListing& listing, const std::string& ref, const std::string& remote) {
  const std::set<std::string> heads = heads_that_begin(listing, ref);
  if (heads.size() == 1) return {.ref = ref, .commit = *heads.begin(), .warnings = {}};
  if (heads.size() > 1) {
    throw Error(ErrorCode::Source, "ref " + source::in_quotes(ref) + " of " + remote + " begins " +
                                       std::to_string(heads.size()) + " commits: write more digits");
  }
  if (ref.size() != source::kCommitDigits) refuse_unknown(listing, ref, remote);
  return {.ref = ref, .commit = source::lower_case(ref), .inside_history = true, .warnings = {}};
}

}  // namespace

ChosenRef choose_ref(const RefListing& listing, const std::optional<std::string>& ref,
                     const std::string& remote) {
  if (listing.branches.empty() && listing.tags.empty() && !listing.head)
    throw Error(ErrorCode::Source, remote + " is empty: it has no commits yet");
  if (!ref || *ref == source::kDefaultRef) return choose_default(listing, remote);
  if (ref->starts_with("refs/")) return choose_qualified(listing, *ref, remote);
  const auto branch = listing.branches.find(*ref);
  const auto tag = listing.tags.find(*ref);
  if (branch != listing.branches.end()) {
    ChosenRef chosen{.ref = *ref, .commit = branch->second, .warnings = {}};
    if (tag != listing.tags.end()) {
      chosen.warnings.push_back(remote + " has a branch and a tag " + source::in_quotes(*ref) +
                                ": the branch is used; the tag is " + std::string(kTagPrefix) + *ref);
    }
    return chosen;
  }
  if (tag != listing.tags.end()) return {.ref = *ref, .commit = tag->second, .warnings = {}};
  if (source::may_begin_commit(*ref)) return choose_commit(listing, *ref, remote);
  refuse_unknown(listing, *ref, remote);
}

}  // namespace hubcell::fetch

// Which commits two histories have in common, and which only one of them has.
#pragma once

#include <git2.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace hubcell::fetch {

struct CommitNode {
  std::int64_t time = 0;  // of the committer, in seconds since the epoch
  std::vector<git_oid> parents = {};
};

// Nothing where the commit is missing: in a shallow clone the history ends early.
using ReadNode = std::function<std::optional<CommitNode>(const git_oid&)>;

struct CommitsBetween {
  std::uint64_t only_a = 0;
  std::vector<git_oid> only_b = {};  // newest first, each before its parents
  std::optional<git_oid> merge_base =
      std::nullopt;  // the newest commit of both that no other commit of both leads to
};

// Reads every commit of both histories once: what is exact whatever the clocks of the committers said. What `read` throws ends it.
CommitsBetween walk_between(const git_oid& a, const git_oid& b, const ReadNode& read);

}  // namespace hubcell::fetch

// Which commit to look at next, and which one it was: git bisect's search in a graph of commits, with several commits looked at at a time.
//
// Knows nothing of repositories and models. A commit is told apart as good or bad, and what leads to a good one is good: so the first bad one
// is among those that lead to the bad tip and to no good one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <hubcell/bisect.h>

namespace hubcell::compare {

// One bit for each commit.
using CommitSet = std::vector<std::uint64_t>;

class BisectSearch {
 public:
  // `commits`: all that lead to `bad`, itself among them, and may be its cause, each with its parents, in any order. A parent that is not
  // among them is good. Throws Error(Protocol) where they are no such graph.
  BisectSearch(std::span<const Commit> commits, const std::vector<std::string>& good, const std::string& bad);

  // Up to `count` commits whose verdicts divide what is left into parts as equal as can be, near enough; none where nothing is left to
  // tell apart. Beside one that was skipped others are taken, ever farther from it.
  std::vector<std::string> next(std::size_t count) const;
  // How many times more, about, that will be so.
  std::size_t rounds_left(std::size_t count) const;

  // Of one round. Where they contradict each other (a good commit that a bad one leads to), the first change counts.
  void judge(const std::vector<std::pair<std::string, CommitVerdict>>& verdicts);

  // Where it is known.
  std::optional<std::string> first_bad() const;
  // Of which one is the first bad: newest first, the bad tip at the head.
  std::vector<std::string> candidates() const;

 private:
  struct Node {
    std::string id;
    CommitSet history;  // itself and all that lead to it
    bool is_skipped = false;
  };

  void add_in_order(std::span<const Commit> commits);
  void judge_good(std::size_t commit);
  std::size_t index_of(const std::string& id) const;
  bool is_left(std::size_t commit) const;
  std::size_t weight_of(std::size_t commit) const;  // how many that are left lead to it, itself among them
  std::size_t left_count() const { return weight_of(bad_); }

  std::vector<Node> nodes_;  // parents first
  std::unordered_map<std::string, std::size_t> indices_;
  std::size_t bad_ = 0;
  CommitSet left_;  // all of them lead to bad_, which is one of them
};

}  // namespace hubcell::compare

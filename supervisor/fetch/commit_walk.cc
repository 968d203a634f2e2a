// Every commit is painted with the sides that reach it. Tools that must be quick on any history stop painting where commits are older
// than all that is left to tell apart, and are wrong where a clock was; here a commit that is taken for a side's own would be blamed.
// The commits of both sides are closed under "parent of", so that a merge base is one of them that is no parent of another.
#include "supervisor/fetch/commit_walk.h"

#include <algorithm>
#include <cstring>
#include <queue>
#include <unordered_map>

namespace hubcell::fetch {
namespace {

constexpr unsigned kOfA = 1;
constexpr unsigned kOfB = 2;

struct IdHash {
  // An id is a hash already.
  std::size_t operator()(const git_oid& id) const {
    std::size_t hash = 0;
    std::memcpy(&hash, id.id, sizeof hash);
    return hash;
  }
};
struct IdEqual {
  bool operator()(const git_oid& one, const git_oid& other) const { return git_oid_equal(&one, &other) != 0; }
};

struct Painted {
  git_oid id;
  CommitNode node;
  unsigned sides = 0;
  bool has_common_child = false;
  std::size_t children_left = 0;  // of B alone that are not listed yet
};

class Walk {
 public:
  explicit Walk(const ReadNode& read) : read_(read) {}

  void paint(const git_oid& from, unsigned side) {
    std::vector<Painted*> to_visit;
    const auto visit_later = [&](const git_oid& id) {
      Painted* const commit = find(id);
      if (commit == nullptr || (commit->sides & side) != 0) return;
      commit->sides |= side;
      to_visit.push_back(commit);
    };
    visit_later(from);
    while (!to_visit.empty()) {
      const Painted& next = *to_visit.back();
      to_visit.pop_back();
      for (const git_oid& parent : next.node.parents)
        visit_later(parent);
    }
  }

  std::uint64_t count(unsigned sides) const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(commits_, [=](const auto& entry) { return entry.second.sides == sides; }));
  }

  std::optional<git_oid> merge_base() {
    for_each_parent(kOfA | kOfB, [](Painted& parent) { parent.has_common_child = true; });
    const Painted* best = nullptr;
    for (const auto& [id, commit] : commits_) {
      if (commit.sides != (kOfA | kOfB) || commit.has_common_child) continue;
      if (best == nullptr || Older{}(best, &commit)) best = &commit;
    }
    return best == nullptr ? std::nullopt : std::optional(best->id);
  }

  // A commit is listed when all of its children are; of those that could be next, the newest is.
  std::vector<git_oid> in_order_of_b() {
    for_each_parent(kOfB, [](Painted& parent) { ++parent.children_left; });
    std::priority_queue<Painted*, std::vector<Painted*>, Older> ready;
    for (auto& [id, commit] : commits_)
      if (commit.sides == kOfB && commit.children_left == 0) ready.push(&commit);
    std::vector<git_oid> order;
    while (!ready.empty()) {
      const Painted& next = *ready.top();
      ready.pop();
      order.push_back(next.id);
      for (const git_oid& id : next.node.parents) {
        const auto parent = commits_.find(id);
        if (parent == commits_.end() || parent->second.sides != kOfB) continue;
        if (--parent->second.children_left == 0) ready.push(&parent->second);
      }
    }
    return order;
  }

 private:
  struct Older {
    bool operator()(const Painted* one, const Painted* other) const {
      if (one->node.time != other->node.time) return one->node.time < other->node.time;
      return git_oid_cmp(&one->id, &other->id) < 0;
    }
  };

  Painted* find(const git_oid& id) {
    const auto known = commits_.find(id);
    if (known != commits_.end()) return &known->second;
    std::optional<CommitNode> node = read_(id);
    if (!node) return nullptr;
    return &commits_.emplace(id, Painted{.id = id, .node = std::move(*node)}).first->second;
  }

  // Each parent of commits that have these sides, once for each such child.
  template <typename Visit>
  void for_each_parent(unsigned sides, Visit visit) {
    for (const auto& [id, commit] : commits_) {
      if (commit.sides != sides) continue;
      for (const git_oid& parent : commit.node.parents)
        if (const auto found = commits_.find(parent); found != commits_.end()) visit(found->second);
    }
  }

  const ReadNode& read_;
  std::unordered_map<git_oid, Painted, IdHash, IdEqual> commits_;  // whose elements stay where they are
};

}  // namespace

CommitsBetween walk_between(const git_oid& a, const git_oid& b, const ReadNode& read) {
  Walk walk(read);
  walk.paint(a, kOfA);
  walk.paint(b, kOfB);
  return {.only_a = walk.count(kOfA), .only_b = walk.in_order_of_b(), .merge_base = walk.merge_base()};
}

}  // namespace hubcell::fetch

// Each commit has the set of all that lead to it, as bits: 10,000 commits take 12.5 MB. How many of those that are left lead to a commit
// (its weight) is then the number of bits that two sets have in common, and of n that are left a commit of weight w leaves w if it is bad,
// n - w if it is good. git bisect takes the commit that comes closest to n / 2; for k at a time those are taken that come closest to n / (k + 1),
// 2n / (k + 1), ..., which is best where history is a line.
#include "tools/compare/search/bisect_search.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <hubcell/error.h>

namespace hubcell::compare {
namespace {

constexpr std::size_t kBits = 64;

void insert(CommitSet& set, std::size_t commit) {
  set[commit / kBits] |= std::uint64_t{1} << (commit % kBits);
}

bool contains(const CommitSet& set, std::size_t commit) {
  return (set[commit / kBits] >> (commit % kBits) & 1U) != 0;
}

std::size_t count_common(const CommitSet& one, const CommitSet& other) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    count += static_cast<std::size_t>(std::popcount(one[i] & other[i]));
  return count;
}

// How far from the best place to look, in ranks: 0, unless what is there was skipped. What cannot be judged comes in runs, out of which ever
// longer steps lead (1, 3, 7, ...); skipped ones that are farther apart than these are no run. `ranks`: of the skipped, in order.
std::size_t step_aside(const std::vector<std::size_t>& ranks) {
  std::size_t step = 0;
  for (const std::size_t rank : ranks) {
    if (rank > 2 * step) break;
    step = 2 * step + 1;
  }
  return step;
}

struct Choice {
  std::size_t commit, weight;
  bool is_skipped, is_chosen = false;
};

// The commit whose weight times `parts` comes closest to `target`, beside skipped ones another. Null where there is none.
Choice* choose(std::vector<Choice>& choices, std::size_t parts, std::size_t target) {
  std::ranges::sort(choices, {}, [=](const Choice& choice) {
    const std::size_t here = choice.weight * parts;
    return std::pair(here > target ? here - target : target - here, choice.commit);
  });
  std::vector<std::size_t> skipped;
  for (std::size_t rank = 0; rank < choices.size(); ++rank)
    if (choices[rank].is_skipped) skipped.push_back(rank);
  // Not so far aside that little would be learned.
  const std::size_t step = std::min(step_aside(skipped), choices.size() / 2);
  std::ranges::rotate(choices, choices.begin() + static_cast<std::ptrdiff_t>(step));
  const auto found = std::ranges::find_if(
      choices, [](const Choice& choice) { return !choice.is_skipped && !choice.is_chosen; });
  return found == choices.end() ? nullptr : &*found;
}

}  // namespace

BisectSearch::BisectSearch(std::span<const Commit> commits, const std::vector<std::string>& good,
                           const std::string& bad) {
  add_in_order(commits);
  bad_ = index_of(bad);
  left_ = nodes_[bad_].history;
  for (const std::string& id : good)
    if (indices_.contains(id)) judge_good(indices_.at(id));
}

// Parents first: a commit's turn comes when those of all its parents have come.
void BisectSearch::add_in_order(std::span<const Commit> commits) {
  std::unordered_map<std::string, std::vector<const Commit*>> children;
  std::unordered_map<std::string, std::size_t> parents_left;
  for (const Commit& commit : commits)
    parents_left[commit.id] = 0;
  for (const Commit& commit : commits) {
    for (const std::string& parent : commit.parents) {
      if (!parents_left.contains(parent)) continue;
      children[parent].push_back(&commit);
      ++parents_left[commit.id];
    }
  }
  std::vector<const Commit*> ready;
  for (const Commit& commit : commits)
    if (parents_left[commit.id] == 0) ready.push_back(&commit);
  while (!ready.empty() && nodes_.size() < commits.size()) {
    const Commit& commit = *ready.back();
    ready.pop_back();
    Node node{.id = commit.id, .history = CommitSet((commits.size() + kBits - 1) / kBits)};
    insert(node.history, nodes_.size());
    for (const std::string& id : commit.parents) {
      const auto parent = indices_.find(id);
      if (parent == indices_.end()) continue;
      for (std::size_t i = 0; i < node.history.size(); ++i)
        node.history[i] |= nodes_[parent->second].history[i];
    }
    indices_[commit.id] = nodes_.size();
    nodes_.push_back(std::move(node));
    for (const Commit* child : children[commit.id])
      if (--parents_left[child->id] == 0) ready.push_back(child);
  }
  if (indices_.size() != commits.size())
    throw Error(ErrorCode::Protocol, "search a history: its commits are no graph without circles");
}

std::size_t BisectSearch::index_of(const std::string& id) const {
  const auto found = indices_.find(id);
  if (found == indices_.end())
    throw Error(ErrorCode::Protocol, "search a history: commit " + id + " is not in it");
  return found->second;
}

bool BisectSearch::is_left(std::size_t commit) const {
  return contains(left_, commit);
}

std::size_t BisectSearch::weight_of(std::size_t commit) const {
  return count_common(nodes_[commit].history, left_);
}

std::vector<std::string> BisectSearch::next(std::size_t count) const {
  std::vector<Choice> choices;
  for (std::size_t commit = 0; commit < nodes_.size(); ++commit) {
    if (commit == bad_ || !is_left(commit)) continue;
    choices.push_back(
        {.commit = commit, .weight = weight_of(commit), .is_skipped = nodes_[commit].is_skipped});
  }
  std::vector<std::string> chosen;
  for (std::size_t part = 1; part <= count; ++part) {
    Choice* const choice = choose(choices, count + 1, left_count() * part);
    if (choice == nullptr) break;
    choice->is_chosen = true;
    chosen.push_back(nodes_[choice->commit].id);
  }
  return chosen;
}

std::size_t BisectSearch::rounds_left(std::size_t count) const {
  if (next(1).empty()) return 0;
  const double parts = static_cast<double>(count + 1);
  return static_cast<std::size_t>(
      std::ceil(std::log(static_cast<double>(left_count())) / std::log(parts) - 1e-9));
}

// One that the bad tip leads to tells nothing: it may have been put right after the first change.
void BisectSearch::judge_good(std::size_t commit) {
  const CommitSet& good = nodes_[commit].history;
  if (contains(good, bad_)) return;
  for (std::size_t i = 0; i < left_.size(); ++i)
    left_[i] &= ~good[i];
}

// The bad ones first, the fewest commits at the head: what they leave out then, no other verdict of the round brings back.
void BisectSearch::judge(const std::vector<std::pair<std::string, CommitVerdict>>& verdicts) {
  std::vector<std::size_t> bad;
  for (const auto& [id, verdict] : verdicts)
    if (verdict == CommitVerdict::Bad) bad.push_back(index_of(id));
  std::ranges::sort(bad, {}, [this](std::size_t commit) { return weight_of(commit); });
  for (const std::size_t commit : bad) {
    if (!is_left(commit)) continue;
    bad_ = commit;
    for (std::size_t i = 0; i < left_.size(); ++i)
      left_[i] &= nodes_[commit].history[i];
  }
  for (const auto& [id, verdict] : verdicts) {
    if (verdict == CommitVerdict::Good) judge_good(index_of(id));
    if (verdict == CommitVerdict::Skip) nodes_[index_of(id)].is_skipped = true;
  }
}

std::optional<std::string> BisectSearch::first_bad() const {
  if (left_count() != 1) return std::nullopt;
  return nodes_[bad_].id;
}

std::vector<std::string> BisectSearch::candidates() const {
  std::vector<std::string> found;
  for (std::size_t commit = nodes_.size(); commit-- > 0;)
    if (is_left(commit)) found.push_back(nodes_[commit].id);
  return found;
}

}  // namespace hubcell::compare

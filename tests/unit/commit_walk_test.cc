// Which commits two histories have in common: beside what follows from the sets of all ancestors.
#include "supervisor/fetch/commit_walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace hubcell::fetch {
namespace {

// Commits are numbers; parents have lower ones.
struct Graph {
  std::map<int, std::vector<int>> parents;
  std::map<int, std::int64_t> times;

  static git_oid id_of(int commit) {
    git_oid id{};
    id.id[0] = static_cast<unsigned char>(commit);
    id.id[1] = 1;
    return id;
  }
  ReadNode reader() const {
    return [this](const git_oid& id) -> std::optional<CommitNode> {
      const auto found = parents.find(id.id[0]);
      if (found == parents.end() || id.id[1] != 1) return std::nullopt;
      CommitNode node{.time = times.at(found->first)};
      for (const int parent : found->second)
        node.parents.push_back(id_of(parent));
      return node;
    };
  }
  CommitsBetween between(int a, int b) const { return walk_between(id_of(a), id_of(b), reader()); }
  std::set<int> history_of(int commit) const {
    std::set<int> found;
    if (!parents.contains(commit)) return found;
    found.insert(commit);
    for (const int parent : parents.at(commit))
      found.merge(history_of(parent));
    return found;
  }
};

std::vector<int> numbers_of(const std::vector<git_oid>& ids) {
  std::vector<int> numbers;
  for (const git_oid& id : ids)
    numbers.push_back(id.id[0]);
  return numbers;
}

// With clocks that go wrong.
Graph random_graph(std::mt19937& random) {
  Graph graph;
  for (int commit = 1; commit <= 14; ++commit) {
    std::set<int> parents;
    for (unsigned i = 0; commit > 1 && i < 1 + random() % 2; ++i)
      parents.insert(std::max(1, commit - 1 - static_cast<int>(random() % 4)));
    if (random() % 12 == 0) parents.clear();
    graph.parents[commit] = {parents.begin(), parents.end()};
    graph.times[commit] = random() % 3 == 0 ? static_cast<std::int64_t>(random() % 100) : commit;
  }
  return graph;
}

std::set<int> difference(const std::set<int>& one, const std::set<int>& other) {
  std::set<int> rest;
  std::ranges::set_difference(one, other, std::inserter(rest, rest.end()));
  return rest;
}

TEST(CommitWalk, RandomHistoriesAreToldApartWhateverTheClocksSay) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    const Graph graph = random_graph(random);
    const int a = 1 + static_cast<int>(random() % 14);
    const int b = 1 + static_cast<int>(random() % 14);
    const std::set<int> of_a = graph.history_of(a);
    const std::set<int> of_b = graph.history_of(b);
    const CommitsBetween between = graph.between(a, b);

    EXPECT_EQ(between.only_a, difference(of_a, of_b).size());
    const std::vector<int> listed = numbers_of(between.only_b);
    EXPECT_EQ(std::set<int>(listed.begin(), listed.end()), difference(of_b, of_a));
    EXPECT_EQ(listed.size(), difference(of_b, of_a).size());
    for (std::size_t place = 0; place < listed.size(); ++place) {
      for (const int parent : graph.parents.at(listed[place]))
        EXPECT_EQ(std::find(listed.begin(), listed.begin() + static_cast<std::ptrdiff_t>(place), parent),
                  listed.begin() + static_cast<std::ptrdiff_t>(place));
    }

    std::set<int> common = difference(of_a, difference(of_a, of_b));
    std::set<int> best = common;
    for (const int commit : common)
      for (const int parent : graph.parents.at(commit))
        best = difference(best, graph.history_of(parent));
    EXPECT_EQ(between.merge_base.has_value(), !best.empty());
    if (between.merge_base) {
      EXPECT_TRUE(best.contains(between.merge_base->id[0]));
    }
  }
}

TEST(CommitWalk, OfCommitsThatCouldBeNextTheNewestIs) {
  Graph graph;
  graph.parents = {{1, {}}, {2, {1}}, {3, {1}}, {4, {2}}, {5, {3}}, {6, {4, 5}}};
  graph.times = {{1, 1}, {2, 2}, {3, 3}, {4, 5}, {5, 4}, {6, 6}};
  EXPECT_EQ(numbers_of(graph.between(1, 6).only_b), (std::vector{6, 4, 5, 3, 2}));
}

TEST(CommitWalk, AMissingCommitEndsAHistory) {
  Graph graph;
  graph.parents = {{2, {1}}, {3, {2}}, {4, {2}}};
  graph.times = {{2, 2}, {3, 3}, {4, 4}};
  const CommitsBetween between = graph.between(3, 4);
  EXPECT_EQ(between.only_a, 1U);
  EXPECT_EQ(numbers_of(between.only_b), std::vector{4});
  EXPECT_EQ(between.merge_base->id[0], 2);
}

}  // namespace
}  // namespace hubcell::fetch

// The search for the first bad commit: on random histories it finds the one that is there, in about as many rounds as can be.
#include "tools/compare/search/bisect_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/support/error_of.h"

namespace hubcell::compare {
namespace {

std::string name_of(int commit) {
  return std::to_string(commit);
}

// Commits are numbers; parents have lower ones. Number 0, which is good, is no part of it.
struct Graph {
  std::map<int, std::vector<int>> parents;

  std::vector<Commit> commits() const {
    std::vector<Commit> commits;
    for (const auto& [commit, its_parents] : parents) {
      Commit made{.id = name_of(commit)};
      for (const int parent : its_parents)
        made.parents.push_back(name_of(parent));
      commits.push_back(std::move(made));
    }
    return commits;
  }
  std::set<int> history_of(int commit) const {
    std::set<int> seen;
    std::vector<int> to_visit{commit};
    while (!to_visit.empty()) {
      const int next = to_visit.back();
      to_visit.pop_back();
      if (!parents.contains(next) || !seen.insert(next).second) continue;
      to_visit.insert(to_visit.end(), parents.at(next).begin(), parents.at(next).end());
    }
    return seen;
  }
  int tip() const { return parents.rbegin()->first; }
};

Graph line(int length) {
  Graph graph;
  for (int commit = 1; commit <= length; ++commit)
    graph.parents[commit] = {commit - 1};
  return graph;
}

// All of it leads to the tip.
Graph random_graph(std::mt19937& random, int size) {
  Graph graph;
  for (int commit = 1; commit <= size; ++commit) {
    std::set<int> parents;
    for (unsigned i = 0; i < 1 + (random() % 3 == 0 ? 1U : 0U); ++i)
      parents.insert(std::max(0, commit - 1 - static_cast<int>(random() % 5)));
    graph.parents[commit] = {parents.begin(), parents.end()};
  }
  const std::set<int> leads_there = graph.history_of(size);
  std::erase_if(graph.parents, [&](const auto& entry) { return !leads_there.contains(entry.first); });
  return graph;
}

struct Found {
  std::size_t rounds = 0, looks = 0;
  std::optional<std::string> first;
  std::vector<std::string> candidates;
};

// What `first` leads to is bad.
Found search(const Graph& graph, int first, std::size_t jobs, const std::set<int>& skipped = {}) {
  BisectSearch search(graph.commits(), {}, name_of(graph.tip()));
  Found found;
  for (;;) {
    const std::vector<std::string> next = search.next(jobs);
    if (next.empty()) break;
    EXPECT_LE(next.size(), jobs);
    EXPECT_EQ(std::set(next.begin(), next.end()).size(), next.size());
    std::vector<std::pair<std::string, CommitVerdict>> verdicts;
    for (const std::string& id : next) {
      const int commit = std::stoi(id);
      verdicts.emplace_back(id, skipped.contains(commit)                   ? CommitVerdict::Skip
                                : graph.history_of(commit).contains(first) ? CommitVerdict::Bad
                                                                           : CommitVerdict::Good);
    }
    search.judge(verdicts);
    ++found.rounds;
    found.looks += next.size();
  }
  EXPECT_EQ(search.rounds_left(jobs), 0U);
  found.first = search.first_bad();
  found.candidates = search.candidates();
  return found;
}

TEST(Bisect, OnRandomHistoriesEveryCommitIsFoundAsTheFirst) {
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) {
    const Graph graph = random_graph(random, 1 + static_cast<int>(random() % 40));
    for (const auto& [first, parents] : graph.parents) {
      for (const std::size_t jobs : {1U, 2U, 4U}) {
        const Found found = search(graph, first, jobs);
        EXPECT_EQ(found.first, name_of(first));
        EXPECT_EQ(found.candidates, std::vector{name_of(first)});
      }
    }
  }
}

TEST(Bisect, ALineTakesALogarithmOfRoundsToThePartsThatLooksMake) {
  for (const int length : {1, 2, 3, 10, 64, 1000}) {
    for (const std::size_t jobs : {1U, 2U, 3U, 4U, 8U}) {
      const auto bound = static_cast<std::size_t>(
          std::ceil(std::log(length) / std::log(static_cast<double>(jobs + 1)) - 1e-9));
      std::size_t most = 0;
      for (int first = 1; first <= length; first += std::max(1, length / 40))
        most = std::max(most, search(line(length), first, jobs).rounds);
      EXPECT_LE(most, bound + (jobs > 1 ? 1 : 0)) << length << " commits, " << jobs << " at a time";
      EXPECT_EQ(BisectSearch(line(length).commits(), {}, name_of(length)).rounds_left(jobs), bound);
    }
  }
}

TEST(Bisect, SeveralLooksAtATimeTakeFewerRounds) {
  std::mt19937 random(4);
  std::map<std::size_t, std::size_t> rounds;
  for (int i = 0; i < 20; ++i) {
    const Graph graph = random_graph(random, 120);
    for (const auto& [first, parents] : graph.parents)
      for (const std::size_t jobs : {1U, 2U, 4U})
        rounds[jobs] += search(graph, first, jobs).rounds;
  }
  EXPECT_LT(static_cast<double>(rounds[2]), 0.75 * static_cast<double>(rounds[1]));
  EXPECT_LT(static_cast<double>(rounds[4]), 0.60 * static_cast<double>(rounds[1]));
}

TEST(Bisect, TheCommitThatHalvesBestIsTaken) {
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    const Graph graph = random_graph(random, 2 + static_cast<int>(random() % 30));
    if (graph.parents.size() < 2) continue;
    const auto halves = [&](int commit) {
      const std::size_t weight = graph.history_of(commit).size();
      return std::min(weight, graph.parents.size() - weight);
    };
    std::size_t best = 0;
    for (const auto& [commit, parents] : graph.parents)
      best = std::max(best, halves(commit));
    const auto next = BisectSearch(graph.commits(), {}, name_of(graph.tip())).next(1);
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(halves(std::stoi(next[0])), best);
  }
}

// Beside all hypotheses that fit what could be told of every commit.
TEST(Bisect, WhereSkippedCommitsHideTheFirstThoseThatItCanBeAreLeft) {
  std::mt19937 random(6);
  std::size_t hidden = 0;
  for (int i = 0; i < 400; ++i) {
    const Graph graph = random_graph(random, 2 + static_cast<int>(random() % 30));
    std::set<int> skipped;
    for (const auto& [commit, parents] : graph.parents)
      if (commit != graph.tip() && random() % 3 == 0) skipped.insert(commit);
    auto first = graph.parents.begin();
    std::advance(first, static_cast<std::ptrdiff_t>(random() % graph.parents.size()));
    const Found found = search(graph, first->first, 1 + random() % 3, skipped);
    EXPECT_NE(std::ranges::find(found.candidates, name_of(first->first)), found.candidates.end());
    for (std::size_t place = 1; place < found.candidates.size(); ++place)
      EXPECT_TRUE(skipped.contains(std::stoi(found.candidates[place])));
    EXPECT_TRUE(graph.history_of(std::stoi(found.candidates[0])).contains(first->first));
    EXPECT_EQ(found.first.has_value(), found.candidates.size() == 1);
    hidden += found.first ? 0 : 1;
  }
  EXPECT_GT(hidden, 50U);
}

TEST(Bisect, ARunOfSkippedCommitsIsLeftByEverLongerSteps) {
  std::set<int> skipped;
  for (int commit = 400; commit <= 600; ++commit)
    skipped.insert(commit);
  const Found found = search(line(1000), 700, 1, skipped);
  EXPECT_EQ(found.first, "700");
  EXPECT_LE(found.looks, 25U);
}

TEST(Bisect, OfTwoChangesTheFirstIsFound) {
  BisectSearch search(line(9).commits(), {}, "9");
  // Bad from 2 on, put right by 5, and bad again from 8 on.
  search.judge({{"6", CommitVerdict::Good}, {"3", CommitVerdict::Bad}});
  EXPECT_EQ(search.candidates(), (std::vector<std::string>{"3", "2", "1"}));
  search.judge({{"1", CommitVerdict::Good}, {"2", CommitVerdict::Bad}});
  EXPECT_EQ(search.first_bad(), "2");
}

TEST(Bisect, OfTwoBranchesThatAreBadOneIsFollowed) {
  Graph graph;
  graph.parents = {{1, {0}}, {2, {0}}, {3, {2}}, {4, {1, 3}}};
  BisectSearch search(graph.commits(), {}, "4");
  search.judge({{"3", CommitVerdict::Bad}, {"1", CommitVerdict::Bad}});
  EXPECT_EQ(search.first_bad(), "1");
}

TEST(Bisect, WhatLeadsToGoodCommitsIsLeftOut) {
  BisectSearch search(line(9).commits(), {"4", "7", "elsewhere"}, "9");
  EXPECT_EQ(search.candidates(), (std::vector<std::string>{"9", "8"}));
}

TEST(Bisect, CommitsThatLeadToThemselvesAreRefused) {
  Graph graph;
  graph.parents = {{1, {2}}, {2, {1}}};
  EXPECT_EQ(tests::error_of([&] { BisectSearch(graph.commits(), {}, "1"); }).code(), ErrorCode::Protocol);
  std::vector<Commit> twice = line(2).commits();
  twice.push_back(twice.front());
  EXPECT_EQ(tests::error_of([&] { BisectSearch(twice, {}, "2"); }).code(), ErrorCode::Protocol);
  EXPECT_EQ(tests::error_of([&] { BisectSearch(line(2).commits(), {}, "5"); }).code(), ErrorCode::Protocol);
}

}  // namespace
}  // namespace hubcell::compare

// The first commit between two refs at which a model answers differently: git bisect in one program, with workers that start from a warm
// interpreter and several commits looked at at a time.
//
//     hubcell::compare::BisectOptions options{.good = "owner/name@v1", .bad = "owner/name@v2"};
//     options.answer = [&](const std::string& repository) { return hub.load(repository, "net")(...); };
//     const auto found = hubcell::compare::bisect(hub, options);
//
// What is known of a commit is what its answer says beside that of `good`; what leads to a commit that answers alike is taken to do so, too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <hubcell/history.h>
#include <hubcell/hub.h>
#include <hubcell/report.h>
#include <hubcell/value_difference.h>

namespace hubcell::compare {

enum class CommitVerdict { Good, Bad, Skip };

struct Judgement {
  CommitVerdict verdict = CommitVerdict::Good;
  std::string reason = {};  // how it differs, or why it could not be judged; one line
};

// What comes next.
struct BisectStep {
  std::size_t step = 0;        // from 1; 0: the two ends
  std::size_t steps = 0;       // about
  std::size_t candidates = 0;  // commits of which one is the first
  std::vector<Commit> trying = {};
};

struct BisectOptions {
  // Two names of one repository, each with its ref.
  std::string good, bad;
  // Loads the commit and calls it. Called by several threads at a time, each time in a worker of its own, in which nothing else was done;
  // twice for `good`. A commit is skipped for errors that are its own: code that does not load or raises, a worker that dies, a deadline. All
  // others end the search.
  std::function<Value(const std::string& repository)> answer = nullptr;
  // Whether what differs makes a commit bad; by several threads at a time. None: where it lies outside of the tolerance.
  std::function<bool(const ValueDifference&)> is_bad = nullptr;
  Tolerance tolerance = {};
  unsigned jobs = 1;  // commits at a time
  std::function<void(const BisectStep&)> progress = nullptr;
  // Ends the search with what is known. A call in flight ends it only where `answer` does (HubOptions::poll).
  std::stop_token stop = {};
};

// One commit that was looked at.
struct BisectTrial {
  Commit commit = {};
  Judgement judgement = {};
  double seconds = 0;    // to load it, to call it and to judge
  std::size_t step = 0;  // 0: the two ends, and where they have diverged the merge base
};

struct Bisection {
  std::string repository;  // without a ref
  History between;         // of good and bad
  // What was found: the first bad commit, or the candidates of which one is it, newest first. Those could not be judged, all but the
  // first; or the search was interrupted.
  std::optional<Commit> first_bad;
  std::vector<Commit> candidates;
  History changes;                  // of first_bad against its first parent
  std::vector<BisectTrial> trials;  // in order
  std::size_t steps = 0;
  double seconds = 0;
  bool interrupted = false;

  std::size_t count(CommitVerdict verdict) const;
};

// Throws Error(Usage) where there is nothing to find: good and bad are one commit, bad is contained in good, their answers do not differ, good
// does not answer the same twice, or their merge base differs from good already.
Bisection bisect(Hub& hub, const BisectOptions& options);

// For people: what was found, what that commit changed, and what was looked at on the way.
std::string to_text(const Bisection& bisection, const TextOptions& options = {});

}  // namespace hubcell::compare

#include <hubcell/bisect.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <future>
#include <map>
#include <utility>

#include <hubcell/error.h>

#include "tools/compare/numbers/differences.h"
#include "tools/compare/search/bisect_search.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kShortDigits = 7;
constexpr std::size_t kReasonBytesMax = 1000;

std::string short_id(const std::string& commit) {
  return commit.substr(0, kShortDigits);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Text of foreign code as one line of bounded length.
std::string fit(const std::string& text) {
  return text::visible(text.substr(0, kReasonBytesMax));
}

std::string describe(const ValueDifference& difference) {
  if (!difference.structure.empty()) {
    const StructureDifference& first = difference.structure.front();
    return fit((first.path.empty() ? "" : first.path + ": ") + first.a + " became " + first.b);
  }
  char text[64];
  std::snprintf(text, sizeof text, "max |b - a| = %.3g", difference.max_abs());
  return text;
}

// Without what is known anyway: "load net of owner/name@5a31...: ...".
std::string reason_of(const Error& failure, const std::string& repository) {
  if (failure.remote()) return fit(failure.remote()->type + ": " + failure.remote()->message);
  const std::string text = failure.what();
  const std::string known = repository + ": ";
  const std::size_t place = text.find(known);
  return fit(place == std::string::npos ? text : text.substr(place + known.size()));
}

// The same commit in another spelling, of which there is one for each letter in it: another ref, and so another worker.
std::string spelling(std::string commit, std::size_t letters) {
  for (char& digit : commit) {
    if (letters == 0) break;
    if (std::isalpha(static_cast<unsigned char>(digit)) == 0) continue;
    digit = static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
    --letters;
  }
  return commit;
}

// Whether what went wrong is the commit's own affair.
bool is_of_commit(ErrorCode code) {
  switch (code) {
    case ErrorCode::Remote:
    case ErrorCode::WorkerDied:
    case ErrorCode::DeadlineExceeded:
    case ErrorCode::Source:       // no hubconf.py in it
    case ErrorCode::Usage:        // no such entrypoint, nothing to call
    case ErrorCode::StaleHandle:  // of a worker that died between two calls
    case ErrorCode::Protocol:     // its worker lied
      return true;
    case ErrorCode::System:
    case ErrorCode::Sandbox:
    case ErrorCode::Cancelled:
      return false;
  }
  return false;
}

// A commit, and the ref that it is loaded by.
struct Wanted {
  std::string commit, ref;
};

class Bisector {
 public:
  Bisector(Hub& hub, const BisectOptions& options) : hub_(hub), options_(options) {}

  Bisection run() {
    const auto begin = Clock::now();
    found_.repository = hub_.info(options_.good).repository;
    read_history();
    if (check_ends()) search();
    found_.interrupted = options_.stop.stop_requested() && !found_.first_bad;
    if (found_.first_bad) read_changes(*found_.first_bad);
    found_.seconds = seconds_since(begin);
    return std::move(found_);
  }

 private:
  std::string at(const std::string& commit) const { return found_.repository + "@" + commit; }
  const std::string& good() const { return found_.between.a; }
  const std::string& bad() const { return found_.between.b; }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::Usage, "bisect " + options_.good + " and " + options_.bad + ": " + why);
  }

  void read_history() {
    const History& between = found_.between = hub_.history(options_.good, options_.bad);
    if (good() == bad()) refuse("both are commit " + short_id(good()) + "; nothing to find");
    if (between.only_b == 0) {
      refuse(
          "the history of the first contains the second, which is to be the later one; name them the "
          "other way round");
    }
    if (between.merge_base.empty()) refuse("their histories have no commit in common");
    if (between.commits.size() < between.only_b) {
      refuse(std::to_string(between.only_b) + " commits lie between them, and " +
             std::to_string(between.commits.size()) + " can be searched; name refs that are nearer");
    }
    for (const Commit& commit : between.tips)
      commits_[commit.id] = commit;
    for (const Commit& commit : between.commits)
      commits_[commit.id] = commit;
    found_.candidates = between.commits;
  }

  // What was found stays found where this is interrupted.
  void read_changes(const Commit& first) {
    try {
      found_.changes = hub_.changes(at(first.id));
    } catch (const Error& failure) {
      if (!is_interruption(failure)) throw;
    }
  }

  // A commit as it is shown; of the merge base only its id is known.
  Commit commit_of(const std::string& id) const {
    const auto known = commits_.find(id);
    return known == commits_.end() ? Commit{.id = id} : known->second;
  }

  // False where the search was interrupted. The answers to measure by are there afterwards.
  bool check_ends() {
    tell(
        {.candidates = found_.candidates.size(), .trying = {found_.between.tips[0], found_.between.tips[1]}});
    if (!answer_good()) return false;
    std::vector<Wanted> ends{{good(), spelling(good(), 2)}, {bad(), bad()}};
    if (found_.between.only_a > 0) ends.push_back({found_.between.merge_base, found_.between.merge_base});
    const std::vector<BisectTrial> trials = try_all(ends, 0);
    if (trials.size() < ends.size()) return false;
    require_same_twice(trials[0]);
    require_bad(trials[1]);
    if (trials.size() > 2) require_good_base(trials[2]);
    return true;
  }

  bool answer_good() {
    try {
      good_answer_ = options_.answer(at(spelling(good(), 1)));
      return true;
    } catch (const Error& failure) {
      if (is_interruption(failure)) return false;
      throw failure.context("bisect: " + options_.good + " is to be good, and gives no answer");
    }
  }

  void require_same_twice(const BisectTrial& good) const {
    if (good.judgement.verdict == CommitVerdict::Good) return;
    refuse("the first does not answer the same twice (" + good.judgement.reason +
           "); give it a seed, or a tolerance");
  }

  void require_bad(const BisectTrial& bad) const {
    if (bad.judgement.verdict == CommitVerdict::Good)
      refuse("the outputs do not differ between them; nothing to find");
    if (bad.judgement.verdict == CommitVerdict::Skip)
      refuse("the second is to be bad, and gives no answer: " + bad.judgement.reason);
  }

  void require_good_base(const BisectTrial& base) const {
    if (base.judgement.verdict == CommitVerdict::Good) return;
    const std::string id = short_id(found_.between.merge_base);
    refuse("they have diverged, and their merge base " + id +
           (base.judgement.verdict == CommitVerdict::Bad ? " differs from the first already ("
                                                         : " gives no answer (") +
           base.judgement.reason + "); name a commit that leads to the second");
  }

  void search() {
    BisectSearch search(found_.between.commits, {}, bad());
    for (std::size_t step = 1; !options_.stop.stop_requested(); ++step) {
      const std::vector<std::string> next = search.next(options_.jobs);
      if (next.empty()) break;
      tell_step(step, search, next);
      std::vector<Wanted> wanted;
      for (const std::string& commit : next)
        wanted.push_back({commit, commit});
      std::vector<std::pair<std::string, CommitVerdict>> verdicts;
      for (const BisectTrial& trial : try_all(wanted, step))
        verdicts.emplace_back(trial.commit.id, trial.judgement.verdict);
      search.judge(verdicts);
      found_.steps = step;
    }
    found_.candidates.clear();
    for (const std::string& commit : search.candidates())
      found_.candidates.push_back(commit_of(commit));
    if (const auto first = search.first_bad()) found_.first_bad = commit_of(*first);
  }

  void tell_step(std::size_t step, const BisectSearch& search, const std::vector<std::string>& next) const {
    BisectStep now{.step = step,
                   .steps = step - 1 + search.rounds_left(options_.jobs),
                   .candidates = search.candidates().size()};
    for (const std::string& commit : next)
      now.trying.push_back(commit_of(commit));
    tell(now);
  }

  void tell(const BisectStep& step) const {
    if (options_.progress) options_.progress(step);
  }

  // At most `jobs` at a time. Those that were interrupted are left out.
  std::vector<BisectTrial> try_all(const std::vector<Wanted>& wanted, std::size_t step) {
    std::vector<BisectTrial> trials;
    for (std::size_t first = 0; first < wanted.size(); first += options_.jobs) {
      std::vector<std::future<std::optional<BisectTrial>>> running;
      for (std::size_t i = first; i < std::min(wanted.size(), first + options_.jobs); ++i) {
        running.push_back(
            std::async(std::launch::async, [this, &wanted, i, step] { return try_one(wanted[i], step); }));
      }
      for (auto& one : running)
        if (std::optional<BisectTrial> trial = one.get()) trials.push_back(std::move(*trial));
    }
    found_.trials.insert(found_.trials.end(), trials.begin(), trials.end());
    return trials;
  }

  std::optional<BisectTrial> try_one(const Wanted& wanted, std::size_t step) const {
    if (options_.stop.stop_requested()) return std::nullopt;
    const auto begin = Clock::now();
    BisectTrial trial{.commit = commit_of(wanted.commit), .step = step};
    std::optional<Value> here;
    try {
      here = options_.answer(at(wanted.ref));
    } catch (const Error& failure) {
      if (is_interruption(failure)) return std::nullopt;
      if (!is_of_commit(failure.code())) throw failure.context("bisect: try " + short_id(wanted.commit));
      trial.judgement = {.verdict = CommitVerdict::Skip, .reason = reason_of(failure, at(wanted.ref))};
    }
    if (here) trial.judgement = judge(*here);
    trial.seconds = seconds_since(begin);
    return trial;
  }

  Judgement judge(const Value& here) const {
    const ValueDifference difference = difference_of(good_answer_, here, options_.tolerance);
    const bool is_bad = options_.is_bad ? options_.is_bad(difference) : !difference.within();
    if (!is_bad) return {.verdict = CommitVerdict::Good};
    return {.verdict = CommitVerdict::Bad, .reason = describe(difference)};
  }

  bool is_interruption(const Error& failure) const {
    return options_.stop.stop_requested() && failure.code() == ErrorCode::Cancelled;
  }

  Hub& hub_;
  const BisectOptions& options_;
  std::map<std::string, Commit> commits_;
  Value good_answer_;
  Bisection found_;
};

}  // namespace

std::size_t Bisection::count(CommitVerdict verdict) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      trials, [verdict](const BisectTrial& trial) { return trial.judgement.verdict == verdict; }));
}

Bisection bisect(Hub& hub, const BisectOptions& options) {
  if (!options.answer || options.jobs == 0)
    throw Error(ErrorCode::Usage, "bisect: it takes a function that answers, and one job at least");
  return Bisector(hub, options).run();
}

}  // namespace hubcell::compare

#include "tools/compare/search/bisect_json.h"

namespace hubcell::compare {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Commit& commit) {
  return {{"commit", commit.id},       {"author", commit.author},
          {"time", commit.time},       {"offset_minutes", commit.offset_minutes},
          {"subject", commit.subject}, {"parents", commit.parents}};
}

Json changes_to_json(const History& changes) {
  Json files = Json::array();
  for (const FileChange& file : changes.files) {
    files.push_back({{"path", file.path},
                     {"old_path", file.old_path},
                     {"status", std::string(1, file.status)},
                     {"added", file.added},
                     {"removed", file.removed},
                     {"binary", file.is_binary}});
  }
  return {{"files", std::move(files)},
          {"files_changed", changes.files_changed},
          {"lines_added", changes.lines_added},
          {"lines_removed", changes.lines_removed}};
}

const char* word_of(CommitVerdict verdict) {
  switch (verdict) {
    case CommitVerdict::Good:
      return "good";
    case CommitVerdict::Bad:
      return "bad";
    case CommitVerdict::Skip:
      return "skip";
  }
  return "";
}

Json to_json(const BisectTrial& trial) {
  return {{"commit", trial.commit.id},
          {"subject", trial.commit.subject},
          {"verdict", word_of(trial.judgement.verdict)},
          {"reason", trial.judgement.reason},
          {"seconds", trial.seconds},
          {"step", trial.step}};
}

}  // namespace

Json to_json(const Bisection& bisection) {
  Json json = {{"repo", bisection.repository},
               {"good", to_json(bisection.between.tips[0])},
               {"bad", to_json(bisection.between.tips[1])},
               {"commits", bisection.between.only_b},
               {"first_bad", nullptr},
               {"changes", nullptr},
               {"candidates", Json::array()},
               {"trials", Json::array()},
               {"skipped", Json::array()},
               {"evaluations", bisection.trials.size()},
               {"steps", bisection.steps},
               {"seconds", bisection.seconds},
               {"interrupted", bisection.interrupted}};
  if (bisection.first_bad) {
    json["first_bad"] = to_json(*bisection.first_bad);
    json["changes"] = changes_to_json(bisection.changes);
  }
  for (const Commit& commit : bisection.candidates)
    json["candidates"].push_back(to_json(commit));
  for (const BisectTrial& trial : bisection.trials) {
    json["trials"].push_back(to_json(trial));
    if (trial.judgement.verdict == CommitVerdict::Skip)
      json["skipped"].push_back({{"commit", trial.commit.id}, {"reason", trial.judgement.reason}});
  }
  return json;
}

}  // namespace hubcell::compare

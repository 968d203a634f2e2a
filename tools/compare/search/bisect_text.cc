#include <hubcell/bisect.h>

#include <algorithm>
#include <span>

#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_layout.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kColumnsMin = 60;
constexpr std::size_t kColumnsMax = 400;
constexpr std::size_t kShortDigits = 9;
constexpr std::size_t kCandidatesShown = 10;
constexpr std::size_t kFilesShown = 10;
constexpr std::size_t kSkippedShown = 5;

// What is shown of a list: all of it where the caller wants to see more.
std::size_t shown_of(std::size_t all, std::size_t some, const TextOptions& options) {
  return options.verbose ? all : std::min(all, some);
}

void add_rest(TextLines& lines, std::uint64_t all, std::size_t shown) {
  if (all > shown) lines.paragraph("and " + grouped(all - shown) + " more", Tone::Faint);
}

std::string short_id(const Commit& commit) {
  return commit.id.substr(0, kShortDigits);
}

// What its trial said; of one that was not tried, nothing.
std::string reason_of(const Bisection& found, const Commit& commit) {
  for (const BisectTrial& trial : found.trials)
    if (trial.commit.id == commit.id && trial.judgement.verdict == CommitVerdict::Bad)
      return trial.judgement.reason;
  return "";
}

void add_headline(TextLines& lines, const Bisection& found) {
  const std::string between = "of " + counted(found.between.only_b, "commit") + " after " +
                              short_id(found.between.tips[0]) + ", up to " + short_id(found.between.tips[1]);
  if (found.first_bad)
    return lines.headline({short_id(*found.first_bad) + " is the first commit that differs", between},
                          Tone::Strong);
  const std::string count = counted(found.candidates.size(), "commit");
  if (found.interrupted)
    return lines.headline({"interrupted: the first commit that differs is one of " + count, between},
                          Tone::Bad);
  lines.headline(
      {"the first commit that differs is one of " + count + ", which could not be told apart", between},
      Tone::Bad);
}

void add_first(TextLines& lines, const Bisection& found) {
  const Commit& first = *found.first_bad;
  Table table{.columns = {{""}, {"", Align::Left, true}},
              .rows = {{"commit", first.id},
                       {"author", first.author},
                       {"date", date_and_time(first.time)},
                       {"subject", first.subject}}};
  if (const std::string reason = reason_of(found, first); !reason.empty())
    table.rows.push_back({"outputs", reason});
  lines.table(table);
}

void add_changes(TextLines& lines, const Bisection& found, const TextOptions& options) {
  const History& changes = found.changes;
  lines.section("code", counted(changes.files_changed, "file") + " changed, +" +
                            grouped(changes.lines_added) + " -" + grouped(changes.lines_removed) + " lines");
  const std::size_t shown = shown_of(changes.files.size(), kFilesShown, options);
  Table table{.columns = {{""}, {"", Align::Left, true}, {"", Align::Right}, {"", Align::Right}}, .rows = {}};
  for (const FileChange& file : std::span(changes.files).first(shown)) {
    const std::string path = file.old_path.empty() ? file.path : file.old_path + " -> " + file.path;
    table.rows.push_back({std::string(1, file.status), path,
                          file.is_binary ? "binary" : "+" + grouped(file.added),
                          file.is_binary ? "" : "-" + grouped(file.removed)});
  }
  lines.table(table);
  add_rest(lines, changes.files_changed, shown);
}

void add_candidates(TextLines& lines, const Bisection& found, const TextOptions& options) {
  const std::size_t shown = shown_of(found.candidates.size(), kCandidatesShown, options);
  Table table{.columns = {{""}, {""}, {"", Align::Left, true}}, .rows = {}};
  for (const Commit& commit : std::span(found.candidates).first(shown))
    table.rows.push_back({short_id(commit), date(commit.time), commit.subject});
  lines.table(table);
  add_rest(lines, found.candidates.size(), shown);
}

Cell cell_of(CommitVerdict verdict) {
  switch (verdict) {
    case CommitVerdict::Good:
      return {"good", Tone::Good};
    case CommitVerdict::Bad:
      return {"bad", Tone::Bad};
    case CommitVerdict::Skip:
      return {"skip", Tone::Faint};
  }
  return "";
}

void add_trials(TextLines& lines, const Bisection& found) {
  lines.section("steps", counted(found.trials.size(), "trial") + " in " + counted(found.steps, "step") +
                             ", " + seconds(found.seconds));
  Table table{.columns = {{"step", Align::Right},
                          {"commit"},
                          {""},
                          {"took", Align::Right},
                          {"subject", Align::Left, true}},
              .rows = {}};
  for (const BisectTrial& trial : found.trials) {
    table.rows.push_back({trial.step == 0 ? "" : std::to_string(trial.step), short_id(trial.commit),
                          cell_of(trial.judgement.verdict), seconds(trial.seconds), trial.commit.subject});
  }
  lines.table(table);
}

void add_skipped(TextLines& lines, const Bisection& found, const TextOptions& options) {
  const std::size_t all = found.count(CommitVerdict::Skip);
  if (all == 0) return;
  lines.section("skipped", counted(all, "commit"));
  std::size_t left = shown_of(all, kSkippedShown, options);
  for (const BisectTrial& trial : found.trials) {
    if (trial.judgement.verdict != CommitVerdict::Skip || left == 0) continue;
    --left;
    lines.paragraph(short_id(trial.commit) + ": " + trial.judgement.reason, Tone::Plain,
                    options.verbose ? 6 : 2);
  }
  add_rest(lines, all, shown_of(all, kSkippedShown, options));
}

}  // namespace

std::string to_text(const Bisection& bisection, const TextOptions& options) {
  TextLines lines(std::clamp(options.columns, kColumnsMin, kColumnsMax),
                  options.colours ? text::Style::coloured() : text::Style::plain());
  add_headline(lines, bisection);
  if (bisection.first_bad) {
    add_first(lines, bisection);
    add_changes(lines, bisection, options);
  } else {
    add_candidates(lines, bisection, options);
  }
  add_trials(lines, bisection);
  add_skipped(lines, bisection, options);
  return lines.take();
}

}  // namespace hubcell::compare

// What became of the code between the sides: the entrypoint's interface, the commits, the files.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/compare/report/line_diff.h"
#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kCommitsShown = 30, kFilesShown = 40, kLinesShown = 60;
constexpr std::size_t kIdDigits = 10;

void add_diff_line(Html& html, const DiffLine& line) {
  const std::string text = text::brief(line.text, 200);
  switch (line.kind) {
    case DiffLine::Kind::Added:
      html.leaf("ins", "+ " + text);
      break;
    case DiffLine::Kind::Removed:
      html.leaf("del", "− " + text);
      break;
    case DiffLine::Kind::Same:
      html.leaf("span", text);
      break;
  }
}

void add_docstring(Html& html, const Side& a, const Side& b) {
  if (a.docstring == b.docstring) return;
  const LineDiff diff = diff_lines(a.docstring, b.docstring);
  html.open("div").leaf("h3", "Docstring").open("div", {{"class", "diff"}});
  for (std::size_t i = 0; i < diff.lines.size() && i < kLinesShown; ++i)
    add_diff_line(html, diff.lines[i]);
  html.close();
  if (diff.lines.size() > kLinesShown)
    html.leaf("p", "and " + counted(diff.lines.size() - kLinesShown, "more line"),
              {{"class", "muted small"}});
  html.close();
}

void add_signature(Html& html, const Side& a, const Side& b) {
  if (a.signature == b.signature) return;
  html.open("div").leaf("h3", "Signature").open("div", {{"class", "diff"}});
  html.leaf("del", "− " + text::brief(a.entry + a.signature, 400))
      .leaf("ins", "+ " + text::brief(b.entry + b.signature, 400));
  html.close().close();
}

void add_dependencies(Html& html, const Comparison& comparison) {
  const DependencyChange change = compare_dependencies(comparison);
  if (change.only_a.empty() && change.only_b.empty()) return;
  html.open("div").leaf("h3", "Dependencies").open("div", {{"class", "diff"}});
  std::size_t shown = 0;
  for (const std::string& name : change.only_a)
    if (shown++ < kLinesShown) html.leaf("del", "− " + text::brief(name));
  for (const std::string& name : change.only_b)
    if (shown++ < kLinesShown) html.leaf("ins", "+ " + text::brief(name));
  html.close().close();
}

// "Ada" of "Ada <ada@example.org>": the page is for more people than the history.
std::string author_name(const std::string& author) {
  const std::size_t end = author.find(" <");
  return end == std::string::npos || end == 0 ? author : author.substr(0, end);
}

void add_commits(Html& html, const CodeResult& code) {
  using enum PageCell::Kind;
  PageTable table{
      .caption = "Commits",
      .note = "Newest first.",
      .columns = {{"Commit", Name, ""}, {"Date", Words, ""}, {"Author", Words, ""}, {"Subject", Words, ""}},
      .rows = {},
      .all = std::max<std::uint64_t>(code.commits.size(), code.only_b),
      .is_sortable = false};
  for (std::size_t i = 0; i < code.commits.size() && i < kCommitsShown; ++i) {
    const Commit& commit = code.commits[i];
    table.rows.push_back({name_cell(commit.id.substr(0, kIdDigits)),
                          {date(commit.time), Words, {}},
                          {author_name(commit.author), Words, {}},
                          {commit.subject, Words, {}}});
  }
  add_table(html, table);
}

std::string status_text(const FileChange& file) {
  switch (file.status) {
    case 'A':
      return "added";
    case 'D':
      return "deleted";
    case 'R':
      return "renamed";
    case 'T':
      return "type";
    default:
      return "modified";
  }
}

void add_files(Html& html, const CodeResult& code) {
  using enum PageCell::Kind;
  PageTable table{
      .caption = "Files",
      .note = "Those with the most changed lines first.",
      .columns = {{"File", Name, ""}, {"What", Words, ""}, {"Added", Number, ""}, {"Removed", Number, ""}},
      .rows = {},
      .all = std::max<std::uint64_t>(code.files.size(), code.files_changed),
      .is_sortable = true};
  const std::vector<std::size_t> files = changed_files(code);
  for (std::size_t i = 0; i < files.size() && i < kFilesShown; ++i) {
    const FileChange& file = code.files[files[i]];
    const auto lines = [&](std::uint64_t count, const char* of_binary) {
      return file.is_binary ? number_cell(of_binary, -1)
                            : number_cell(grouped(count), static_cast<double>(count));
    };
    table.rows.push_back({name_cell(file.old_path.empty() ? file.path : file.old_path + " → " + file.path),
                          {status_text(file), Words, {}},
                          lines(file.added, "binary"),
                          lines(file.removed, "–")});
  }
  add_table(html, table);
}

std::vector<std::string> findings_of(const Comparison& comparison) {
  if (!comparison.code) return {"The entrypoints differ."};
  const CodeResult& code = *comparison.code;
  if (code.commits.empty() && code.files.empty() && code.files_changed == 0)
    return {code.note.empty() ? "Both sides have the same files." : sentence(code.note)};
  return {counted(code.only_b, "commit") + " only in B, " + grouped(code.only_a) + " only in A.",
          counted(code.files_changed, "file") + " changed: " + grouped(code.lines_added) + " lines added, " +
              grouped(code.lines_removed) + " removed.",
          sentence(code.note)};
}

}  // namespace

bool has_code(const Comparison& comparison) {
  return comparison.code || code_differs(comparison);
}

void add_code(Html& html, const Comparison& comparison) {
  const PageSection section(html, "code", "Code", findings_of(comparison));
  if (code_differs(comparison)) {
    add_signature(html, comparison.sides[0], comparison.sides[1]);
    add_dependencies(html, comparison);
    add_docstring(html, comparison.sides[0], comparison.sides[1]);
  }
  if (!comparison.code) return;
  add_commits(html, *comparison.code);
  add_files(html, *comparison.code);
}

}  // namespace hubcell::compare

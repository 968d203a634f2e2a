// What became of the code between the sides.
#include <algorithm>

#include "tools/compare/report/findings.h"
#include "tools/compare/report/line_diff.h"
#include "tools/compare/report/quantities.h"
#include "tools/compare/report/text_sections.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kCommitsShown = 5;
constexpr std::size_t kFilesShown = 5;
constexpr std::size_t kDocstringLinesShown = 40;
constexpr std::size_t kIdDigits = 9;

// "Ada" of "Ada <ada@example.org>".
std::string author_name(const std::string& author) {
  const std::size_t end = author.find(" <");
  return end == std::string::npos || end == 0 ? author : author.substr(0, end);
}

void add_commits(const Section& to, const CodeResult& code) {
  if (code.commits.empty()) return;
  Table table{
      .columns = {{"commit"}, {"date"}, {"author", Align::Left, true}, {"subject", Align::Left, true}},
      .rows = {}};
  const std::size_t shown = std::min(code.commits.size(), to.rows(kCommitsShown));
  for (std::size_t i = 0; i < shown; ++i) {
    const Commit& commit = code.commits[i];
    table.rows.push_back(
        {commit.id.substr(0, kIdDigits), date(commit.time), author_name(commit.author), commit.subject});
  }
  to.lines.table(table);
  add_rest(to, std::max<std::uint64_t>(code.commits.size(), code.only_b), shown);
}

std::vector<Cell> file_row(const FileChange& file) {
  const std::string path = file.old_path.empty() ? file.path : file.old_path + " -> " + file.path;
  const std::string status(1, file.status);
  if (file.is_binary) return {status, path, "binary", ""};
  return {status, path, "+" + grouped(file.added), "-" + grouped(file.removed)};
}

void add_files(const Section& to, const CodeResult& code) {
  if (code.files.empty()) return;
  const std::vector<std::size_t> files = changed_files(code);
  Table table{.columns = {{""}, {"file", Align::Left, true}, {"lines", Align::Right}, {"", Align::Right}},
              .rows = {}};
  const std::size_t shown = std::min(files.size(), to.rows(kFilesShown));
  for (std::size_t i = 0; i < shown; ++i)
    table.rows.push_back(file_row(code.files[files[i]]));
  to.lines.table(table);
  add_rest(to, std::max<std::uint64_t>(files.size(), code.files_changed), shown);
}

void add_docstring(const Section& to) {
  const std::string &a = to.comparison.sides[0].docstring, &b = to.comparison.sides[1].docstring;
  if (a == b) return;
  const LineDiff diff = diff_lines(a, b);
  to.lines.paragraph("docstring: +" + grouped(diff.added) + " -" + grouped(diff.removed) + " lines");
  if (!to.verbose) return;
  std::size_t shown = 0;
  for (const DiffLine& line : diff.lines) {
    if (line.kind == DiffLine::Kind::Same || shown++ >= kDocstringLinesShown) continue;
    to.lines.paragraph(std::string(line.kind == DiffLine::Kind::Added ? "+ " : "- ") + line.text, Tone::Plain,
                       2);
  }
}

void add_interface(const Section& to) {
  const Side &a = to.comparison.sides[0], &b = to.comparison.sides[1];
  if (a.signature != b.signature) {
    to.lines.paragraph("signature of A: " + a.signature, Tone::Plain, 3);
    to.lines.paragraph("signature of B: " + b.signature, Tone::Plain, 3);
  }
  const DependencyChange change = compare_dependencies(to.comparison);
  if (!change.only_a.empty()) to.lines.paragraph("dependencies of A alone: " + list_text(change.only_a, 10));
  if (!change.only_b.empty()) to.lines.paragraph("dependencies of B alone: " + list_text(change.only_b, 10));
  add_docstring(to);
}

std::string code_finding(const CodeResult& code) {
  if (!code.note.empty() && code.commits.empty() && code.files.empty()) return code.note;
  if (code.only_a + code.only_b + code.files_changed == 0)
    return "the same commit, or one with the same files";
  return counted(code.only_b, "commit") + " only in B, " + grouped(code.only_a) + " only in A; " +
         counted(code.files_changed, "file") + " changed, +" + grouped(code.lines_added) + " -" +
         grouped(code.lines_removed) + " lines";
}

}  // namespace

void add_code(const Section& to) {
  const bool differs = code_differs(to.comparison);
  if (!to.comparison.code && !differs) return;
  to.lines.section("code", to.comparison.code ? code_finding(*to.comparison.code) : "the entrypoints differ");
  if (differs) add_interface(to);
  if (!to.comparison.code) return;
  add_commits(to, *to.comparison.code);
  add_files(to, *to.comparison.code);
}

}  // namespace hubcell::compare

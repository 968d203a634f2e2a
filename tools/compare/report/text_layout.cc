#include "tools/compare/report/text_layout.h"

#include <algorithm>

#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kTitleColumns = 9;  // "outputs" and two spaces
constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastColumns = 8;
constexpr std::size_t kClauseLines = 2;
// Of which more is never shown.
constexpr std::size_t kTextColumnsMax = 2000;

std::string shown(const std::string& text) {
  return text::brief(text, kTextColumnsMax);
}

std::vector<std::size_t> natural_widths(const Table& table) {
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns)
    widths.push_back(text::columns_of(column.title));
  for (const std::vector<Cell>& row : table.rows)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], text::columns_of(shown(row[i].text)));
  return widths;
}

// Takes from the widest column of those that give way, then of all, until the line fits.
void make_fit(std::vector<std::size_t>& widths, const std::vector<Column>& columns, std::size_t room) {
  std::size_t total = kIndent + kGap * (widths.empty() ? 0 : widths.size() - 1);
  for (std::size_t& width : widths) {
    width = std::min(width, room);
    total += width;
  }
  for (const bool all : {false, true}) {
    const std::size_t least = all ? 1 : kLeastColumns;
    for (; total > room; --total) {
      std::size_t* widest = nullptr;
      for (std::size_t i = 0; i < widths.size(); ++i)
        if ((all || columns[i].gives_way) && widths[i] > least && (widest == nullptr || widths[i] > *widest))
          widest = &widths[i];
      if (widest == nullptr) break;
      --*widest;
    }
  }
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t used = text::columns_of(text);
  const std::string space(width - std::min(width, used), ' ');
  return align == Align::Right ? space + text : text + space;
}

}  // namespace

std::string TextLines::in_tone(const std::string& text, Tone tone) const {
  switch (tone) {
    case Tone::Plain:
      return text;
    case Tone::Strong:
      return style_.strong(text);
    case Tone::Faint:
      return style_.faint(text);
    case Tone::Good:
      return style_.good(text);
    case Tone::Bad:
      return style_.bad(text);
  }
  return text;
}

void TextLines::line(std::size_t indent, const std::string& text, Tone tone) {
  lines_ += std::string(indent, ' ') + in_tone(text::shorten(text, columns_ - indent), tone) + "\n";
}

void TextLines::headline(const std::vector<std::string>& clauses, Tone tone) {
  std::vector<std::string> lines(1);
  const std::size_t room = columns_ - kIndent;
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    const std::string clause =
        text::shorten_middle(shown(clauses[i]), kClauseLines * room) + (i + 1 < clauses.size() ? ";" : "");
    const std::string joined = lines.back().empty() ? clause : lines.back() + " " + clause;
    if (text::columns_of(joined) <= room) {
      lines.back() = joined;
      continue;
    }
    std::vector<std::string> wrapped = text::wrap(clause, room);
    if (lines.back().empty()) lines.pop_back();
    lines.insert(lines.end(), wrapped.begin(), wrapped.end());
  }
  for (std::size_t i = 0; i < lines.size(); ++i)
    line(i == 0 ? 0 : kIndent, lines[i], tone);
}

void TextLines::section(const std::string& title, const std::string& finding) {
  lines_ += "\n";
  const std::vector<std::string> wrapped = text::wrap(shown(finding), columns_ - kTitleColumns);
  lines_ += style_.label(title);
  for (std::size_t i = 0; i < wrapped.size() && i < kLinesMax; ++i) {
    const std::size_t used = i == 0 ? title.size() : 0;
    lines_ += std::string(kTitleColumns - used, ' ') + wrapped[i] + "\n";
  }
}

void TextLines::paragraph(const std::string& text, Tone tone, std::size_t lines_max) {
  const std::vector<std::string> wrapped = text::wrap(shown(text), columns_ - kIndent);
  for (std::size_t i = 0; i < wrapped.size() && i < lines_max; ++i) {
    const bool is_cut = i + 1 == lines_max && wrapped.size() > lines_max;
    line(kIndent, is_cut ? text::shorten(wrapped[i] + " …", columns_ - kIndent) : wrapped[i], tone);
  }
}

void TextLines::table(const Table& table) {
  std::vector<std::size_t> widths = natural_widths(table);
  make_fit(widths, table.columns, columns_);
  const auto add_row = [&](const std::vector<Cell>& row) {
    std::size_t cells = std::min(row.size(), widths.size());
    while (cells > 0 && row[cells - 1].text.empty())
      --cells;
    lines_ += std::string(kIndent, ' ');
    for (std::size_t i = 0; i < cells; ++i) {
      const std::string fitted = text::shorten_middle(shown(row[i].text), widths[i]);
      const bool is_last = i + 1 == cells;
      const bool pads = !is_last || table.columns[i].align == Align::Right;
      lines_ += in_tone(pads ? padded(fitted, widths[i], table.columns[i].align) : fitted, row[i].tone);
      if (!is_last) lines_ += std::string(kGap, ' ');
    }
    lines_ += "\n";
  };
  std::vector<Cell> titles;
  bool has_titles = false;
  for (const Column& column : table.columns) {
    has_titles |= !column.title.empty();
    titles.emplace_back(column.title, Tone::Faint);
  }
  if (has_titles) add_row(titles);
  for (const std::vector<Cell>& row : table.rows)
    add_row(row);
}

}  // namespace hubcell::compare

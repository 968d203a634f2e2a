#include "tools/compare/report/html_parts.h"

#include <algorithm>
#include <cmath>

#include "tools/compare/report/quantities.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kNameColumns = 96;
// More are shown on demand.
constexpr std::size_t kRowsOpen = 10;

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

const char* class_of(PageCell::Kind kind) {
  switch (kind) {
    case PageCell::Kind::Words:
      return "words";
    case PageCell::Kind::Name:
      return "name";
    case PageCell::Kind::Number:
      return "number";
  }
  return "";
}

// As JavaScript's Number() reads it.
std::string sort_key(double value) {
  if (std::isnan(value)) return "";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return figure(value);
}

void add_cell(Html& html, const PageCell& cell, bool is_head) {
  Attributes attributes = {{"class", class_of(cell.kind)}};
  if (is_head) attributes.push_back({"scope", "row"});
  if (cell.value) attributes.push_back({"data-value", sort_key(*cell.value)});
  if (is_head) {
    html.leaf("th", text::brief(cell.text, kNameColumns), attributes);
  } else {
    html.leaf("td", text::brief(cell.text, kNameColumns * 2), attributes);
  }
}

void add_column_heads(Html& html, const std::vector<PageColumn>& columns) {
  html.open("thead").open("tr");
  for (const PageColumn& column : columns) {
    std::string classes = column.kind == PageCell::Kind::Number ? "number" : "";
    if (!column.tone.empty()) classes += (classes.empty() ? "" : " ") + column.tone;
    Attributes attributes = {{"scope", "col"}};
    if (!classes.empty()) attributes.push_back({"class", classes});
    html.leaf("th", text::brief(column.title, 40), attributes);
  }
  html.close().close();
}

// The first rows of a table, of which there are `all`.
void add_rows(Html& html, const PageTable& table, std::size_t count, std::uint64_t all) {
  const std::string id = html.new_id();
  html.open("div", {{"class", "scroll"}, {"role", "region"}, {"tabindex", "0"}, {"aria-labelledby", id}});
  html.open("table", {{"class", table.is_sortable ? "sortable" : "plain"}});
  html.open("caption", {{"id", id}}).text(table.caption);
  if (!table.note.empty()) html.leaf("span", table.note);
  html.close();
  add_column_heads(html, table.columns);
  html.open("tbody");
  for (std::size_t row = 0; row < count; ++row) {
    html.open("tr");
    for (std::size_t i = 0; i < table.rows[row].size(); ++i)
      add_cell(html, table.rows[row][i], i == 0);
    html.close();
  }
  html.close();
  if (all > count) {
    html.open("tfoot").open("tr");
    html.leaf("td", "and " + grouped(all - count) + " more", {{"colspan", table.columns.size()}});
    html.close().close();
  }
  html.close().close();
}

}  // namespace

std::string time_text(double time) {
  std::string text = seconds(time);
  if (text.ends_with(" us")) text.replace(text.size() - 2, 1, "µ");
  return text;
}

std::string typeset(const std::string& text) {
  std::string better = text;
  replace(better, "|b-a|", "|b − a|");
  replace(better, "x faster", "× faster");
  replace(better, "x slower", "× slower");
  replace(better, " %", "\u00a0%");
  return better;
}

std::string sentence(const std::string& text) {
  std::string whole = text::brief(text, 250);
  if (whole.empty()) return whole;
  if (whole[0] >= 'a' && whole[0] <= 'z') whole[0] = static_cast<char>(whole[0] - 'a' + 'A');
  return whole.ends_with('.') ? whole : whole + ".";
}

const char* letter(std::size_t side) {
  return side == 0 ? "A" : "B";
}
const char* tone(std::size_t side) {
  return side == 0 ? "a" : "b";
}

std::string labelled(const Comparison& comparison, std::size_t side) {
  const std::string& label = comparison.sides.at(side).label;
  if (label.empty() || label == letter(side)) return letter(side);
  return std::string(letter(side)) + ", " + text::brief(label, 24);
}

PageSection::PageSection(Html& html, const std::string& id, const std::string& title,
                         const std::vector<std::string>& findings)
    : html_(html) {
  html.open("section", {{"id", id}, {"aria-labelledby", id + "-title"}}).open("div", {{"class", "lead"}});
  html.leaf("h2", title, {{"id", id + "-title"}});
  for (const std::string& finding : findings)
    if (!finding.empty()) html.leaf("p", typeset(finding));
  html.close().open("div", {{"class", "evidence"}});
}

PageSection::~PageSection() {
  html_.close().close();
}

void add_badge(Html& html, std::size_t side) {
  html.leaf("span", letter(side), {{"class", std::string("badge ") + tone(side)}});
}

PageCell name_cell(std::string text) {
  return {std::move(text), PageCell::Kind::Name, {}};
}
PageCell number_cell(std::string text, double value) {
  return {std::move(text), PageCell::Kind::Number, value};
}
PageCell figure_cell(double value) {
  return number_cell(figure(value), value);
}

void add_table(Html& html, const PageTable& table) {
  if (table.rows.empty()) return;
  const std::uint64_t all = std::max<std::uint64_t>(table.all, table.rows.size());
  if (table.rows.size() <= kRowsOpen + kRowsOpen / 4) return add_rows(html, table, table.rows.size(), all);
  html.open("div");
  add_rows(html, table, kRowsOpen, kRowsOpen);
  html.open("details").leaf("summary", "Show " + grouped(table.rows.size()) +
                                           (all > table.rows.size() ? " of " + grouped(all) : " rows"));
  add_rows(html, table, table.rows.size(), all);
  html.close().close();
}

}  // namespace hubcell::compare

// The frame of the page: what a browser has to know, then a header, a list of contents, the sections and a footer.
#include <algorithm>
#include <vector>

#include <hubcell/report.h>

#include "tools/compare/report/html_assets.h"
#include "tools/compare/report/html_parts.h"
#include "tools/compare/report/html_sections.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

struct Part {
  const char* id;
  const char* title;
  bool (*is_there)(const Comparison&);
  void (*add)(Html&, const Comparison&);
};

bool always(const Comparison& /*comparison*/) {
  return true;
}

constexpr Part kParts[] = {
    {"outputs", "Answers", has_outputs, add_outputs}, {"classes", "Classes", has_classes, add_classes},
    {"modules", "Modules", has_modules, add_modules}, {"weights", "Weights", has_weights, add_weights},
    {"speed", "Speed", has_speed, add_speed},         {"code", "Code", has_code, add_code},
    {"sides", "The two sides", always, add_sides}};

void add_head(Html& html, const Comparison& comparison) {
  html.open("head").empty("meta", {{"charset", "utf-8"}});
  html.empty("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", page_policy()}});
  html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.empty("meta", {{"name", "referrer"}, {"content", "no-referrer"}});
  html.leaf("title", text::brief(comparison.sides[0].entry, 40) + ": " + labelled(comparison, 0) + " and " +
                         labelled(comparison, 1));
  html.open("style").raw(kPageStyle).close();
  html.close();
}

void add_contents(Html& html, const std::vector<Part>& parts) {
  html.open("nav", {{"aria-label", "Contents"}}).open("ul");
  for (const Part& part : parts)
    html.open("li").leaf("a", part.title, {{"href", std::string("#") + part.id}}).close();
  html.close().close();
}

}  // namespace

std::string to_html(const Comparison& comparison) {
  std::vector<Part> parts;
  std::ranges::copy_if(kParts, std::back_inserter(parts),
                       [&](const Part& part) { return part.is_there(comparison); });
  Html html;
  html.raw("<!DOCTYPE html>\n").open("html", {{"lang", "en"}});
  add_head(html, comparison);
  html.open("body").leaf("a", "Skip to the answers", {{"class", "skip"}, {"href", "#content"}});
  add_header(html, comparison);
  add_contents(html, parts);
  html.open("main", {{"id", "content"}});
  for (const Part& part : parts)
    part.add(html, comparison);
  html.close();
  add_footer(html, comparison);
  html.open("script").raw(kPageScript).close();
  html.close().close();
  return html.take();
}

}  // namespace hubcell::compare

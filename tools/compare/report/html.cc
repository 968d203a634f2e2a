#include "tools/compare/report/html.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "shared/base/check.h"
#include "tools/text/unicode.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kTextColumnsMax = 1000;
constexpr double kCoordinateMax = 1e5;

// Right in text and in attributes in quotes, in HTML and in XML.
std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string shown(std::string_view text) {
  return escaped(text::brief(text, kTextColumnsMax));
}

}  // namespace

std::string coordinate(double number) {
  if (std::isnan(number)) number = 0;
  number = std::clamp(number, -kCoordinateMax, kCoordinateMax);
  std::array<char, 32> text{};
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, 1);
  std::string short_text(text.data(), written.ptr);
  if (short_text.ends_with(".0")) short_text.resize(short_text.size() - 2);
  return short_text == "-0" ? "0" : short_text;
}

void Html::tag(Literal name, const Attributes& attributes) {
  page_ += "<";
  page_ += name.text();
  for (const Attribute& attribute : attributes) {
    page_ += " ";
    page_ += attribute.name.text();
    page_ += "=\"" + (attribute.is_whole ? escaped(attribute.value) : shown(attribute.value)) + "\"";
  }
}

Html& Html::open(Literal name, const Attributes& attributes) {
  tag(name, attributes);
  page_ += ">";
  open_.push_back(name.text());
  return *this;
}

Html& Html::close() {
  HUBCELL_CHECK(!open_.empty());
  page_ += "</";
  page_ += open_.back();
  page_ += ">\n";
  open_.pop_back();
  return *this;
}

Html& Html::empty(Literal name, const Attributes& attributes) {
  tag(name, attributes);
  page_ += "/>";
  return *this;
}

Html& Html::leaf(Literal name, std::string_view content, const Attributes& attributes) {
  tag(name, attributes);
  page_ += ">" + shown(content) + "</";
  page_ += name.text();
  page_ += ">";
  return *this;
}

Html& Html::text(std::string_view content) {
  page_ += shown(content);
  return *this;
}

Html& Html::raw(Literal content) {
  page_ += content.text();
  return *this;
}

std::string Html::new_id() {
  return "id-" + std::to_string(++ids_);
}

std::string Html::take() {
  HUBCELL_CHECK(open_.empty());
  return std::exchange(page_, {});
}

}  // namespace hubcell::compare

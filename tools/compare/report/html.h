// Builds HTML and SVG that is well-formed and escaped by construction: elements close in the order in which they were opened, and the only
// text that is not escaped is written in this program's source.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::compare {

// A text of the source code: the compiler refuses any other.
class Literal {
 public:
  consteval Literal(const char* text) : text_(text) {}
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// A coordinate: one decimal, and always a number.
std::string coordinate(double number);

// What this program made itself and is long: the path of a curve, a picture. It is escaped too, yet not cut.
struct Whole {
  std::string text;
};

struct Attribute {
  Attribute(Literal key, std::string text) : name(key), value(std::move(text)) {}
  Attribute(Literal key, Whole made) : name(key), value(std::move(made.text)), is_whole(true) {}
  Attribute(Literal key, const char* text) : name(key), value(text) {}
  template <typename Number>
  requires std::integral<Number> || std::floating_point<Number> Attribute(Literal key, Number number)
      : name(key), value(coordinate(static_cast<double>(number))) {}
  Literal name;
  std::string value;
  bool is_whole = false;
};
using Attributes = std::vector<Attribute>;

class Html {
 public:
  Html& open(Literal tag, const Attributes& attributes = {});
  Html& close();  // the innermost
  // An element that holds nothing.
  Html& empty(Literal tag, const Attributes& attributes = {});
  // An element that holds text alone.
  Html& leaf(Literal tag, std::string_view text, const Attributes& attributes = {});
  // Escaped, made visible (tools/text/unicode.h), and cut where it is too long.
  Html& text(std::string_view text);
  // As it is.
  Html& raw(Literal text);
  // "id-7": not had before.
  std::string new_id();
  std::string take();

 private:
  void tag(Literal name, const Attributes& attributes);

  std::string page_;
  std::vector<std::string_view> open_;
  std::size_t ids_ = 0;
};

}  // namespace hubcell::compare

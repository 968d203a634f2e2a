// Colours where a person looks.
#pragma once

#include <string>

namespace hubcell::text {

// Colours for one stream: on a terminal only, and never with NO_COLOR (https://no-color.org).
class Style {
 public:
  explicit Style(int descriptor);
  static Style plain() { return Style(false); }
  static Style coloured() { return Style(true); }
  bool colours() const { return colours_; }

  std::string strong(const std::string& text) const { return wrap("1", text); }
  std::string faint(const std::string& text) const { return wrap("2", text); }
  std::string label(const std::string& text) const { return wrap("36", text); }
  std::string good(const std::string& text) const { return wrap("32", text); }
  std::string bad(const std::string& text) const { return wrap("31", text); }

 private:
  explicit Style(bool colours) : colours_(colours) {}
  std::string wrap(const char* code, const std::string& text) const;
  bool colours_;
};

}  // namespace hubcell::text

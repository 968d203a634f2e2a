// The words of a condition's text, and errors that point into it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::compare {

struct Token {
  enum class Kind {
    Number,
    Name,
    Sign,
    End
  };  // a Sign is an operator or a parenthesis; and, or, not, abs are Names
  Kind kind = Kind::End;
  std::size_t offset = 0;  // in the text, in bytes
  std::string_view text;
  double number = 0;
};

// Ends with one of kind End. Borrows `text`. Error(Usage) where it begins with nothing of the language.
std::vector<Token> tokens_of(std::string_view text);

// Throws Error(Usage): "--fail-if 'max_abs >> 1': at character 10: expected a number or a name, found '>'".
[[noreturn]] void fail_at(std::string_view text, std::size_t offset, const std::string& what);

}  // namespace hubcell::compare

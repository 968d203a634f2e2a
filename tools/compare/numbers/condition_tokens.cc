#include "tools/compare/numbers/condition_tokens.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <hubcell/error.h>

#include "tools/compare/numbers/repr.h"

namespace hubcell::compare {
namespace {

constexpr std::size_t kShownBytesMax = 200;
// Longer ones first.
constexpr std::array<std::string_view, 12> kSigns{"<=", ">=", "==", "!=", "<", ">",
                                                  "+",  "-",  "*",  "/",  "(", ")"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

Token number_at(std::string_view text, std::size_t offset) {
  Token token{.kind = Token::Kind::Number, .offset = offset, .text = {}};
  const auto [end, error] = std::from_chars(text.data() + offset, text.data() + text.size(), token.number);
  if (error == std::errc::result_out_of_range) fail_at(text, offset, "the number is too large or too small");
  if (error != std::errc()) fail_at(text, offset, "expected a number");
  token.text = text.substr(offset, static_cast<std::size_t>(end - (text.data() + offset)));
  return token;
}

Token name_at(std::string_view text, std::size_t offset) {
  std::size_t end = offset;
  while (end < text.size() && (begins_name(text[end]) || is_digit(text[end])))
    ++end;
  return {.kind = Token::Kind::Name, .offset = offset, .text = text.substr(offset, end - offset)};
}

Token sign_at(std::string_view text, std::size_t offset) {
  const auto found = std::ranges::find_if(
      kSigns, [&](std::string_view sign) { return text.substr(offset).starts_with(sign); });
  if (found != kSigns.end()) return {.kind = Token::Kind::Sign, .offset = offset, .text = *found};
  if (text[offset] == '=') fail_at(text, offset, "'=' is no operator; '==' compares");
  if (text[offset] == '&' || text[offset] == '|' || text[offset] == '!')
    fail_at(text, offset, "expected one of and, or, not in words");
  fail_at(text, offset, "expected a number, a name or an operator");
}

}  // namespace

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t offset = 0; offset < text.size();) {
    const char c = text[offset];
    if (is_space(c)) {
      ++offset;
      continue;
    }
    tokens.push_back(is_digit(c) || c == '.' ? number_at(text, offset)
                     : begins_name(c)        ? name_at(text, offset)
                                             : sign_at(text, offset));
    offset += tokens.back().text.size();
  }
  tokens.push_back({.kind = Token::Kind::End, .offset = text.size(), .text = {}});
  return tokens;
}

void fail_at(std::string_view text, std::size_t offset, const std::string& what) {
  // Bytes that continue a character of UTF-8 are none of their own.
  const auto before = std::ranges::count_if(
      text.substr(0, offset), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  throw Error(ErrorCode::Usage, "--fail-if " + repr(std::string(text), kShownBytesMax) + ": at character " +
                                    std::to_string(before + 1) + ": " + what);
}

}  // namespace hubcell::compare

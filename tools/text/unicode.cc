#include "tools/text/unicode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace hubcell::text {
namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr std::string_view kEllipsis = "…";
// Marks may pile up on one character without end, and take no column.
constexpr std::size_t kBytesPerColumnMax = 12;

struct Character {
  char32_t code;
  std::size_t bytes;
};

template <std::size_t kCount>
bool is_in(const std::array<std::pair<char32_t, char32_t>, kCount>& ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [code](const auto& range) { return code >= range.first && code <= range.second; });
}

// East Asian wide and full-width characters, and blocks of which some are.
constexpr std::array<std::pair<char32_t, char32_t>, 17> kWide = {{{0x1100, 0x115f},
                                                                  {0x231a, 0x232a},
                                                                  {0x23e9, 0x23f3},
                                                                  {0x25fd, 0x25fe},
                                                                  {0x2600, 0x27bf},
                                                                  {0x2b1b, 0x2b55},
                                                                  {0x2e80, 0xa4cf},
                                                                  {0xa960, 0xa97f},
                                                                  {0xac00, 0xd7a3},
                                                                  {0xf900, 0xfaff},
                                                                  {0xfe10, 0xfe19},
                                                                  {0xfe30, 0xfe6f},
                                                                  {0xff00, 0xff60},
                                                                  {0xffe0, 0xffe6},
                                                                  {0x16fe0, 0x1b2ff},
                                                                  {0x1f000, 0x1faff},
                                                                  {0x20000, 0x3fffd}}};

// Combining marks and variation selectors. Others count as one column: too many is harmless.
constexpr std::array<std::pair<char32_t, char32_t>, 6> kCombining = {{{0x300, 0x36f},
                                                                      {0x1ab0, 0x1aff},
                                                                      {0x1dc0, 0x1dff},
                                                                      {0x20d0, 0x20ff},
                                                                      {0xfe00, 0xfe0f},
                                                                      {0xfe20, 0xfe2f}}};

// Controls; directions of text and what takes no room (Trojan Source, CVE-2021-42574); no characters.
constexpr std::array<std::pair<char32_t, char32_t>, 13> kUnseen = {{{0x0, 0x1f},
                                                                    {0x7f, 0x9f},
                                                                    {0xad, 0xad},
                                                                    {0x61c, 0x61c},
                                                                    {0x115f, 0x1160},
                                                                    {0x180e, 0x180e},
                                                                    {0x200b, 0x200f},
                                                                    {0x2028, 0x202e},
                                                                    {0x2060, 0x206f},
                                                                    {0xfdd0, 0xfdef},
                                                                    {0xfeff, 0xfeff},
                                                                    {0xfff9, 0xfffb},
                                                                    {0xe0000, 0xe0fff}}};

bool is_unseen(char32_t code) {
  return is_in(kUnseen, code) || (code & 0xfffe) == 0xfffe;
}

// The character that begins at `at`; U+FFFD of one byte where there is no UTF-8. RFC 3629: no overlong form, no surrogate.
Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + bytes > text.size()) return {kReplacement, 1};
  char32_t code = first & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {kReplacement, 1};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast.at(bytes) || code > 0x10ffff || is_surrogate) return {kReplacement, 1};
  return {code, bytes};
}

std::size_t columns_of_character(char32_t code) {
  if (is_in(kCombining, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

// Bytes of the first characters that fit.
std::size_t head_bytes(std::string_view text, std::size_t columns) {
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    used += columns_of_character(character.code);
    if (used > columns || at + character.bytes > columns * kBytesPerColumnMax) return at;
    at += character.bytes;
  }
  return text.size();
}

// Where the last characters that fit begin.
std::size_t tail_start(std::string_view text, std::size_t columns) {
  const std::size_t reach = std::min(text.size(), columns * kBytesPerColumnMax);
  std::size_t start = text.size() - reach;
  while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80)
    ++start;
  for (std::size_t used = columns_of(text.substr(start)); used > columns;) {
    const Character character = character_at(text, start);
    used -= columns_of_character(character.code);
    start += character.bytes;
  }
  return start;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (character.code == '\n' || character.code == '\t' || character.code == '\r') {
      shown += ' ';
    } else if (character.code == kReplacement || is_unseen(character.code)) {
      shown += "\xef\xbf\xbd";
    } else {
      shown += text.substr(at, character.bytes);
    }
    at += character.bytes;
  }
  return shown;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    columns += columns_of_character(character.code);
    at += character.bytes;
  }
  return columns;
}

std::string shorten(std::string_view text, std::size_t columns) {
  if (head_bytes(text, columns) == text.size()) return std::string(text);
  if (columns == 0) return "";
  return std::string(text.substr(0, head_bytes(text, columns - 1))) + std::string(kEllipsis);
}

std::string shorten_middle(std::string_view text, std::size_t columns) {
  if (head_bytes(text, columns) == text.size()) return std::string(text);
  if (columns < 3) return shorten(text, columns);
  const std::size_t tail = (columns - 1) / 2;
  return std::string(text.substr(0, head_bytes(text, columns - 1 - tail))) + std::string(kEllipsis) +
         std::string(text.substr(tail_start(text, tail)));
}

std::string brief(std::string_view text, std::size_t columns) {
  const std::size_t end_bytes = columns * kBytesPerColumnMax;
  if (text.size() <= 2 * end_bytes) return shorten_middle(visible(text), columns);
  // What lies between the ends is left out anyway, so that it need not be looked at.
  const std::string ends =
      std::string(text.substr(0, end_bytes)) + std::string(text.substr(text.size() - end_bytes));
  return shorten_middle(visible(ends), columns);
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  columns = std::max<std::size_t>(columns, 2);
  while (head_bytes(text, columns) < text.size()) {
    const std::size_t fits = std::max<std::size_t>(head_bytes(text, columns), 1);
    // A space right after what fits is as good a place.
    const std::size_t space = text.substr(0, fits + 1).rfind(' ');
    const std::size_t end = space == std::string_view::npos || space == 0 ? fits : space;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace hubcell::text

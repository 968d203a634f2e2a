#include "tools/compare/traffic/text_bytes.h"

#include <cstdint>

#include <hubcell/error.h>

namespace hubcell::compare {
namespace {

// Bytes of the well-formed sequence at the start of `text`; 0 where there is none (RFC 3629).
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<std::uint8_t>(i < text.size() ? text[i] : 0);
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool is_overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool is_surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool is_too_large = lead == 0xf4 && byte(1) >= 0x90;
  return is_overlong || is_surrogate || is_too_large ? 0 : bytes;
}

int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  throw Error(ErrorCode::Usage, "bytes are no hexadecimal text");
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char character : bytes) {
    const auto byte = static_cast<std::uint8_t>(character);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 0xf];
  }
  return hex;
}

std::string bytes_of_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) throw Error(ErrorCode::Usage, "bytes are no hexadecimal text");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(16 * digit_of(hex[i]) + digit_of(hex[i + 1]));
  return bytes;
}

}  // namespace hubcell::compare

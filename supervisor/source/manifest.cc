#include "supervisor/source/manifest.h"

#include <string_view>

#include "shared/base/url_text.h"

namespace hubcell::source {
namespace {

constexpr std::string_view kFirstLine = "hubcell manifest 1\n";

std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte <= ' ' || byte == '%' || byte == 0x7f) {
      result += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
    } else {
      result += letter;
    }
  }
  return result;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const std::optional<char> byte = percent_decoded(text.substr(i));
    if (!byte) return std::nullopt;
    result += *byte;
    i += 2;
  }
  return result;
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  std::string text(kFirstLine);
  for (const auto& [path, what] : manifest)
    text += escaped(what.substr(0, what.find(' '))) + " " + escaped(what.substr(what.find(' ') + 1)) + " " +
            escaped(path) + "\n";
  return text;
}

std::optional<Manifest> manifest_of_text(const std::string& text) {
  std::string_view rest = text;
  if (!rest.starts_with(kFirstLine)) return std::nullopt;
  rest.remove_prefix(kFirstLine.size());
  Manifest manifest;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto kind = unescaped(line.substr(0, first)),
               detail = unescaped(line.substr(first + 1, second - first - 1)),
               path = unescaped(line.substr(second + 1));
    if (!kind || !detail || !path) return std::nullopt;
    manifest[*path] = *kind + " " + *detail;
  }
  return manifest;
}

}  // namespace hubcell::source

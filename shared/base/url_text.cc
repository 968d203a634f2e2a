#include "shared/base/url_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace hubcell {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kHostLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-";

// What follows "http://" or "https://", up to where the path begins.
std::string authority_of(std::string_view url) {
  std::string lower = lower_case(url.substr(0, url.find_first_of("/?#", url.find("://") + 3)));
  for (const std::string_view scheme : {"http://", "https://"})
    if (lower.starts_with(scheme)) return lower.substr(scheme.size());
  return "";
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return lower;
}

std::string plain_host_of(std::string_view url) {
  if (url.find("://") == std::string_view::npos) return "";
  const std::string authority = authority_of(url);
  const std::size_t end = std::min(authority.find_first_not_of(kHostLetters), authority.size());
  const std::string_view port = std::string_view(authority).substr(end);
  const bool is_port =
      port.size() > 1 && port[0] == ':' && port.find_first_not_of(kDigits, 1) == std::string_view::npos;
  return port.empty() || is_port ? authority.substr(0, end) : "";
}

std::string file_name_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  if (path == std::string_view::npos) return "";
  const std::string_view whole = url.substr(path, url.find_first_of("?#", path) - path);
  return std::string(whole.substr(whole.rfind('/') + 1));
}

std::string hash_in_name(std::string_view name) {
  for (std::size_t dash = name.find('-'); dash != std::string_view::npos; dash = name.find('-', dash + 1)) {
    const std::size_t end = name.find_first_not_of(kHexDigits, dash + 1);
    if (end == std::string_view::npos) return "";
    if (name[end] == '.') return std::string(name.substr(dash + 1, end - dash - 1));
  }
  return "";
}

std::optional<char> percent_decoded(std::string_view text) {
  unsigned char byte = 0;
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const char* end = text.data() + 3;
  if (std::from_chars(text.data() + 1, end, byte, 16).ptr != end) return std::nullopt;
  return static_cast<char>(byte);
}

}  // namespace hubcell

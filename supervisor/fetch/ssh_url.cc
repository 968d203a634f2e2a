#include "supervisor/fetch/ssh_url.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include <hubcell/error.h>

#include "supervisor/fetch/url.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

constexpr std::string_view kScheme = "ssh://";
constexpr int kPortMax = 65535;

[[noreturn]] void refuse(const std::string& url, const std::string& why) {
  throw Error(ErrorCode::Source, source::printable(url) + ": " + why);
}

int parse_port(std::string_view digits, const std::string& url) {
  int port = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, failed] = std::from_chars(digits.data(), end, port);
  if (failed != std::errc{} || stopped != end || port < 1 || port > kPortMax)
    refuse(url, source::in_quotes(digits) + " is no port");
  return port;
}

// "host", "host:port" or "[address]:port".
void take_host(SshAddress& address, std::string_view text, const std::string& url) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse(url, "a ']' is missing after the address");
    address.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    address.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  address.host = source::lower_case(address.host);
  if (rest.size() > 1 && rest.starts_with(':')) {
    address.port = parse_port(rest.substr(1), url);
  } else if (!rest.empty() && rest != ":") {
    refuse(url, source::in_quotes(rest) + " is no port");
  }
}

std::string_view take_user(SshAddress& address, std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return authority;
  if (at > 0) address.user = unescaped(authority.substr(0, at));
  return authority.substr(at + 1);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char letter) { return std::iscntrl(static_cast<unsigned char>(letter)) != 0; });
}

SshAddress parse_with_scheme(const std::string& url) {
  SshAddress address;
  const std::size_t slash = std::min(url.find('/', kScheme.size()), url.size());
  take_host(address, take_user(address, std::string_view(url).substr(kScheme.size(), slash - kScheme.size())),
            url);
  address.path = unescaped(std::string_view(url).substr(slash));
  if (address.path.starts_with("/~")) address.path.erase(0, 1);
  return address;
}

// An address in brackets has colons of its own.
SshAddress parse_scp(const std::string& url) {
  SshAddress address;
  const std::size_t bracket = url.find("@[");
  const std::size_t end = bracket == std::string::npos ? 0 : url.find(']', bracket);
  const std::size_t colon = std::min(url.find(':', std::min(end, url.size())), url.size());
  take_host(address, take_user(address, std::string_view(url).substr(0, colon)), url);
  address.path = url.substr(std::min(colon + 1, url.size()));
  return address;
}

}  // namespace

std::string SshAddress::words() const {
  return (port == 22 ? "" : "-p " + std::to_string(port) + " ") + user + "@" + host;
}

SshAddress parse_ssh_url(const std::string& url) {
  const bool has_scheme = source::lower_case(url.substr(0, kScheme.size())) == kScheme;
  SshAddress address = has_scheme ? parse_with_scheme(url) : parse_scp(url);
  if (address.host.empty()) refuse(url, "the URL names no host");
  if (address.path.empty() || address.path == "/") refuse(url, "the URL names no repository");
  for (const std::string& part : {address.user, address.host, address.path})
    if (has_control(part)) refuse(url, "there is a control character in it");
  return address;
}

}  // namespace hubcell::fetch

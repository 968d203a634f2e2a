#include "supervisor/fetch/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

struct Range4 {
  std::uint32_t network;
  unsigned bits;
};

// The registry of special-purpose addresses, as of RFC 6890 and its updates.
constexpr std::array<Range4, 15> kSpecial4{{{0x00000000, 8},    // this network
                                            {0x0a000000, 8},    // private
                                            {0x64400000, 10},   // shared by carriers
                                            {0x7f000000, 8},    // loopback
                                            {0xa9fe0000, 16},   // link-local, and clouds' metadata
                                            {0xac100000, 12},   // private
                                            {0xc0000000, 24},   // protocol assignments
                                            {0xc0000200, 24},   // documentation
                                            {0xc0586300, 24},   // 6to4 relays
                                            {0xc0a80000, 16},   // private
                                            {0xc6120000, 15},   // benchmarks
                                            {0xc6336400, 24},   // documentation
                                            {0xcb007100, 24},   // documentation
                                            {0xe0000000, 4},    // multicast
                                            {0xf0000000, 4}}};  // reserved, broadcast

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kSpecial4, [address](const Range4& range) {
    return (address ^ range.network) >> (32 - range.bits) == 0;
  });
}

bool is_public6(const in6_addr& address) {
  const auto* bytes = address.s6_addr;
  const auto held = [bytes](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24U | std::uint32_t{bytes[at + 1]} << 16U |
           std::uint32_t{bytes[at + 2]} << 8U | bytes[at + 3];
  };
  constexpr std::array<std::uint8_t, 12> kTranslated{0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96
  if (IN6_IS_ADDR_V4MAPPED(&address)) return is_public4(held(12));
  if (std::memcmp(bytes, kTranslated.data(), kTranslated.size()) == 0) return is_public4(held(12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public4(held(2));  // 6to4
  // Of what is left, 2000::/3 is the internet; 2001::/23 are protocols (Teredo), 2001:db8::/32 documentation.
  if (bytes[0] >> 5U != 1) return false;
  if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2) return false;
  return !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8);
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof(four));
    return is_public4(ntohl(four.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof(six));
    return is_public6(six.sin6_addr);
  }
  return false;
}

bool may_be_public(const std::string& host) {
  std::string name = source::lower_case(host);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  in6_addr six{};
  if (::inet_pton(AF_INET6, name.c_str(), &six) == 1) return is_public6(six);
  while (name.ends_with('.'))
    name.pop_back();
  // Old forms too: "127.1", "0x7f000001".
  in_addr four{};
  if (::inet_aton(name.c_str(), &four) != 0) return is_public4(ntohl(four.s_addr));
  if (name.find('.') == std::string::npos) return false;
  for (const char* suffix : {".localhost", ".local", ".internal", ".home.arpa"})
    if (name.ends_with(suffix)) return false;
  return true;
}

}  // namespace hubcell::fetch

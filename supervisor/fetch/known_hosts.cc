#include "supervisor/fetch/known_hosts.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>

#include <hubcell/error.h>

#include "shared/base/log.h"

namespace hubcell::fetch {
namespace {

struct KeyType {
  int of_session;
  int of_known_host;
  const char* name;
};

// The best come first. No DSA.
constexpr std::array<KeyType, 5> kKeyTypes{{
    {.of_session = LIBSSH2_HOSTKEY_TYPE_ED25519,
     .of_known_host = LIBSSH2_KNOWNHOST_KEY_ED25519,
     .name = "ssh-ed25519"},
    {.of_session = LIBSSH2_HOSTKEY_TYPE_ECDSA_256,
     .of_known_host = LIBSSH2_KNOWNHOST_KEY_ECDSA_256,
     .name = "ecdsa-sha2-nistp256"},
    {.of_session = LIBSSH2_HOSTKEY_TYPE_ECDSA_384,
     .of_known_host = LIBSSH2_KNOWNHOST_KEY_ECDSA_384,
     .name = "ecdsa-sha2-nistp384"},
    {.of_session = LIBSSH2_HOSTKEY_TYPE_ECDSA_521,
     .of_known_host = LIBSSH2_KNOWNHOST_KEY_ECDSA_521,
     .name = "ecdsa-sha2-nistp521"},
    {.of_session = LIBSSH2_HOSTKEY_TYPE_RSA,
     .of_known_host = LIBSSH2_KNOWNHOST_KEY_SSHRSA,
     .name = "ssh-rsa"},
}};

const KeyType* find_type(int of_session) {
  for (const KeyType& type : kKeyTypes)
    if (type.of_session == of_session) return &type;
  return nullptr;
}

// Of base64; empty where that is none.
std::string decoded(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return "";
  // The padding counts as bytes there.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
    ++padding;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string encoded(std::span<const unsigned char> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::string HostKey::type_name() const {
  const KeyType* found = find_type(type);
  return found == nullptr ? "unknown" : found->name;
}

std::string HostKey::fingerprint() const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1)
    throw Error(ErrorCode::System, "hash a server's key: OpenSSL refuses");
  std::string text = "SHA256:" + encoded(std::span(digest).first(size));
  while (text.ends_with('='))
    text.pop_back();
  return text;
}

KnownHosts::KnownHosts(LIBSSH2_SESSION* session, const std::vector<std::filesystem::path>& files)
    : hosts_(::libssh2_knownhost_init(session)) {
  if (!hosts_) throw Error(ErrorCode::System, "read known_hosts: no memory");
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);)
      read_line(line);
  }
}

void KnownHosts::read_line(const std::string& line) {
  std::istringstream words(line);
  std::string first;
  words >> first;
  if (first.starts_with('@')) {
    std::string names;
    std::string type;
    std::string key;
    words >> names >> type >> key;
    if (first == "@revoked") revoked_.insert(decoded(key));
    return;
  }
  const std::string whole = line.substr(0, line.find_first_of(std::string_view("\r\0", 2))) + "\n";
  if (::libssh2_knownhost_readline(hosts_.get(), whole.c_str(), whole.size(),
                                   LIBSSH2_KNOWNHOST_FILE_OPENSSH) != 0)
    log::info("a line of known_hosts is left out: libssh2 cannot read it");
}

int KnownHosts::check(const std::string& name, std::span<const char> key, int type) const {
  return ::libssh2_knownhost_checkp(hosts_.get(), name.c_str(), -1, key.data(), key.size(),
                                    LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW | type,
                                    nullptr);
}

// A key that nobody has is another one than any that is known.
bool KnownHosts::knows(const std::string& name, int type) const {
  constexpr std::array kNobodys{'-'};
  return check(name, kNobodys, type) == LIBSSH2_KNOWNHOST_CHECK_MISMATCH;
}

bool KnownHosts::knows_any(const std::string& name) const {
  return std::ranges::any_of(kKeyTypes, [&](const KeyType& type) { return knows(name, type.of_known_host); });
}

std::string KnownHosts::preferred_types(const std::string& host, int port) const {
  std::string known;
  std::string others;
  for (const KeyType& type : kKeyTypes) {
    const bool is_known =
        knows(name_in_known_hosts(host, port), type.of_known_host) || knows(host, type.of_known_host);
    (is_known ? known : others) += std::string(type.name) + ",";
  }
  known += others;
  known.pop_back();
  return known;
}

KnownHosts::Verdict KnownHosts::judge(const std::string& host, int port, const HostKey& key) const {
  if (revoked_.contains(std::string(key.bytes.begin(), key.bytes.end()))) return Verdict::Revoked;
  const KeyType* type = find_type(key.type);
  if (type == nullptr) return Verdict::Unknown;
  const std::string name = name_in_known_hosts(host, port);
  if (check(name, key.bytes, type->of_known_host) == LIBSSH2_KNOWNHOST_CHECK_MATCH) return Verdict::Known;
  if (knows(name, type->of_known_host)) return Verdict::Changed;
  if (knows_any(name)) return Verdict::OtherType;
  // As ssh does, a key that is known of the host without a port will do for all of its ports.
  const bool is_known = check(host, key.bytes, type->of_known_host) == LIBSSH2_KNOWNHOST_CHECK_MATCH;
  return is_known ? Verdict::Known : Verdict::Unknown;
}

std::string name_in_known_hosts(const std::string& host, int port) {
  return port == 22 ? host : "[" + host + "]:" + std::to_string(port);
}

}  // namespace hubcell::fetch

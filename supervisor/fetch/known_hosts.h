// What the known_hosts files say of a server's key. libssh2 reads their lines, those with hashed names too.
//
// Lines are given to it one by one: it ends a file at the first line that it does not understand, and takes a marker for a
// name. A key in a @revoked line is refused, whatever host the line is for. @cert-authority lines and patterns ("*.example.org")
// count for nothing: a host that only they cover is unknown.
#pragma once

#include <libssh2.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace hubcell::fetch {

struct HostKey {
  int type = LIBSSH2_HOSTKEY_TYPE_UNKNOWN;
  std::span<const char> bytes;

  // ssh's name of its type: "ssh-ed25519".
  std::string type_name() const;
  // As ssh shows it: "SHA256:...".
  std::string fingerprint() const;
};

class KnownHosts {
 public:
  enum class Verdict { Known, Unknown, OtherType, Changed, Revoked };

  // Borrows `session`, which needs no connection. Files that are not there, or not for us to read, say nothing.
  KnownHosts(LIBSSH2_SESSION* session, const std::vector<std::filesystem::path>& files);

  // Types of keys for libssh2_session_method_pref: those that are known of the host come first, since a server shows one key only.
  std::string preferred_types(const std::string& host, int port) const;
  // Changed: another key of that type is known of the host. OtherType: keys of other types alone.
  Verdict judge(const std::string& host, int port, const HostKey& key) const;

 private:
  struct Free {
    void operator()(LIBSSH2_KNOWNHOSTS* hosts) const { ::libssh2_knownhost_free(hosts); }
  };

  void read_line(const std::string& line);
  // Types are in libssh2's words for known hosts.
  int check(const std::string& name, std::span<const char> key, int type) const;
  bool knows(const std::string& name, int type) const;
  bool knows_any(const std::string& name) const;

  std::unique_ptr<LIBSSH2_KNOWNHOSTS, Free> hosts_;
  std::set<std::string> revoked_;  // keys
};

// What known_hosts has as the host's name: "host", or "[host]:port" where that is not 22.
std::string name_in_known_hosts(const std::string& host, int port);

}  // namespace hubcell::fetch

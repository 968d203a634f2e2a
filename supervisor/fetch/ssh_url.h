// The parts of a remote's name that is reached over ssh: ssh://[user@]host[:port]/path and user@host:path.
#pragma once

#include <string>

namespace hubcell::fetch {

struct SshAddress {
  std::string user = "git";
  std::string host;  // in lower case, as known_hosts has it; without the brackets of an IPv6 address
  int port = 22;
  std::string path;  // from the root where it begins with '/', else from the user's home

  // How `ssh` is told to go there, for advice: "-p 2222 git@host".
  std::string words() const;
};

// `url` is one that source::is_ssh_url tells. Throws Error(Source) where a part of it cannot be.
SshAddress parse_ssh_url(const std::string& url);

}  // namespace hubcell::fetch

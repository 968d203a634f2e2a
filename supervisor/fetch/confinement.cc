#include "supervisor/fetch/confinement.h"

#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/log.h"
#include "shared/posix/landlock.h"
#include "supervisor/fetch/local_remote.h"

namespace hubcell::fetch {
namespace {

// The resolver (with the modules that it loads) and the authorities; those that a variable names follow.
constexpr std::array kNetworkFiles{"/etc/resolv.conf",
                                   "/etc/hosts",
                                   "/etc/host.conf",
                                   "/etc/gai.conf",
                                   "/etc/services",
                                   "/etc/nsswitch.conf",
                                   "/etc/ssl",
                                   "/etc/pki",
                                   "/usr/lib/ssl",
                                   "/usr/share/ca-certificates",
                                   "/usr/local/share/ca-certificates",
                                   "/run/systemd/resolve",
                                   "/lib",
                                   "/lib64",
                                   "/usr/lib"};
constexpr std::array kAuthorityVariables{"SSL_CERT_FILE", "SSL_CERT_DIR"};

void enter(posix::LandlockPolicy policy) {
  if (posix::landlock_abi() == 0) {
    log::warn("this kernel has no Landlock: the fetcher can read and write what its user can");
    return;
  }
  // Its own entry in /proc, which sanitizers read when it ends.
  policy.readable.emplace_back("/proc/self");
  const posix::UniqueFd ruleset = posix::make_landlock_ruleset(policy);
  posix::enter_landlock(ruleset.get());
}

}  // namespace

void confine(const std::filesystem::path& cache_root, const std::filesystem::path& remote) {
  enter({.readable = folders_of_remote(remote),
         .executable = {},
         .writable = {cache_root},
         .deny_tcp = true,
         .scope_ipc = true});
}

void confine_to_network(const std::filesystem::path& cache_root) {
  std::vector<std::string> readable(kNetworkFiles.begin(), kNetworkFiles.end());
  for (const char* variable : kAuthorityVariables)
    if (const char* path = std::getenv(variable)) readable.emplace_back(path);
  enter({.readable = std::move(readable),
         .executable = {},
         .writable = {cache_root},
         .deny_tcp = false,
         .scope_ipc = true});
}

}  // namespace hubcell::fetch

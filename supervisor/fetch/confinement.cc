#include "supervisor/fetch/confinement.h"

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "shared/base/log.h"
#include "shared/posix/landlock.h"
#include "supervisor/fetch/refused_calls.h"

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

std::vector<std::string> as_text(const std::vector<std::filesystem::path>& paths) {
  return {paths.begin(), paths.end()};
}

void enter_files(const Confinement& confinement) {
  if (posix::landlock_abi() == 0) {
    log::warn("this kernel has no Landlock: the fetcher can read and write what its user can");
    return;
  }
  posix::LandlockPolicy policy{.readable = as_text(confinement.readable),
                               .executable = {},
                               .writable = as_text(confinement.writable),
                               .deny_tcp = !confinement.network,
                               .scope_ipc = true};
  // Its own entry in /proc, which sanitizers read when it ends, and by which a file without a name gets one.
  policy.readable.emplace_back("/proc/self");
  if (confinement.network) {
    policy.readable.insert(policy.readable.end(), kNetworkFiles.begin(), kNetworkFiles.end());
    for (const char* variable : kAuthorityVariables)
      if (const char* path = std::getenv(variable)) policy.readable.emplace_back(path);
  }
  const posix::UniqueFd ruleset = posix::make_landlock_ruleset(policy);
  posix::enter_landlock(ruleset.get());
}

}  // namespace

void confine(const Confinement& confinement) {
  enter_files(confinement);
#ifndef HUBCELL_SANITIZED  // which ends by a process that traces this one, in search of leaks
  refuse_calls();
#endif
}

}  // namespace hubcell::fetch

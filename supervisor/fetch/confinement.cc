#include "supervisor/fetch/confinement.h"

#include "shared/base/log.h"
#include "shared/posix/landlock.h"
#include "supervisor/fetch/local_remote.h"

namespace hubcell::fetch {

void confine(const std::filesystem::path& cache_root, const std::filesystem::path& remote) {
  if (posix::landlock_abi() == 0) {
    log::warn("this kernel has no Landlock: the fetcher can read and write what its user can");
    return;
  }
  posix::LandlockPolicy policy{.readable = folders_of_remote(remote),
                               .executable = {},
                               .writable = {cache_root},
                               .deny_tcp = true,
                               .scope_ipc = true};
  // Its own entry in /proc, which sanitizers read when it ends.
  policy.readable.emplace_back("/proc/self");
  const posix::UniqueFd ruleset = posix::make_landlock_ruleset(policy);
  posix::enter_landlock(ruleset.get());
}

}  // namespace hubcell::fetch

// Looks into the cache of repositories without changing it: takes no lock and writes nothing, so that a hit
// works with a read-only cache, beside a running fetch, and without the remote.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace hubcell::source {

// `<hub dir>/hubcell`. The hub folder is `hub_folder`, or, where that is empty, found as torch.hub finds it:
// $TORCH_HOME/hub, else $XDG_CACHE_HOME/torch/hub, else ~/.cache/torch/hub. An empty variable counts as unset.
// Throws Error(Source) where the folder is not a full path.
std::string cache_root(const std::string& hub_folder, const std::map<std::string, std::string>& environment);

struct Cached {
  std::string ref;     // as asked for, or the default branch's name
  std::string commit;  // 40 hexadecimal digits
  std::string folder;  // its read-only checkout
};

// What `ref` (empty: the default branch) of the remote `url` meant when it was fetched last, if its checkout
// is here. A commit, or the first digits (7 or more) of exactly one commit that is here, is found as well.
std::optional<Cached> find_cached(const std::string& cache_root, const std::string& url,
                                  const std::optional<std::string>& ref);

}  // namespace hubcell::source

// Which files differ between two commits, and by how many lines.
#pragma once

#include <git2.h>

#include <cstdint>
#include <functional>
#include <string>

#include "shared/wire/history_messages.h"
#include "supervisor/fetch/reporter.h"

namespace hubcell::fetch {

// Of all files.
struct ChangeTotals {
  std::uint64_t files = 0;
  std::uint64_t added = 0;  // lines
  std::uint64_t removed = 0;
};

// Finds renames. A file of more than 32 MiB counts as binary. `a` may be null: of no files. Calls `take` with each file, in git's order.
// Throws Error(Source): `attempt`, and why.
ChangeTotals compare_trees(git_repository* repository, git_tree* a, git_tree* b, const std::string& attempt,
                           Reporter& reporter, const std::function<void(wire::FileRecord)>& take);

}  // namespace hubcell::fetch

#include "supervisor/fetch/git.h"

#include <array>

#include <hubcell/error.h>

#include "shared/base/check.h"

namespace hubcell::fetch::git {

Library::Library() {
  check(::git_libgit2_init(), "start libgit2");
  ::git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  ::git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
  for (const git_config_level_t level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                         GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL}) {
    ::git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
  }
}

Library::~Library() {
  ::git_libgit2_shutdown();
}

void check(int result, const std::string& attempt) {
  if (result >= 0) return;
  // Some errors come without a message.
  const git_error* last = ::git_error_last();
  const std::string why = last == nullptr || last->message == nullptr || *last->message == '\0'
                              ? "libgit2 error " + std::to_string(result)
                              : last->message;
  throw Error(ErrorCode::Source, attempt + ": " + why);
}

git_oid parse_id(const std::string& hex) {
  git_oid id{};
  HUBCELL_CHECK(hex.size() == GIT_OID_HEXSZ && ::git_oid_fromstr(&id, hex.c_str()) == 0);
  return id;
}

std::string format_id(const git_oid& id) {
  std::array<char, GIT_OID_HEXSZ + 1> hex{};
  ::git_oid_tostr(hex.data(), hex.size(), &id);
  return hex.data();
}

}  // namespace hubcell::fetch::git

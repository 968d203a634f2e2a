// Every access right that is "handled" is denied unless a rule under one of the opened paths grants it. So
// the ruleset handles all that the running kernel knows (and this file names), and the policy grants back.
//
// The kernel's interface grows by ABI numbers, and headers of the build machine may be older than the kernel
// that runs. What the headers of Linux 6.1 lack is therefore written down here, with the ABI that brought it:
// 1 files, 2 moving between folders, 3 truncation, 4 TCP, 5 ioctl on devices, 6 scopes for signals and
// sockets. The attribute structure may be passed whole to any kernel: fields it does not know must be zero,
// and are.
#include "shared/posix/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell::posix {
namespace {

struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // ABI 4
  std::uint64_t scoped = 0;              // ABI 6
};
static_assert(sizeof(RulesetAttributes) == 24);

constexpr std::uint64_t kTruncate = 1ULL << 14;     // ABI 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;  // ABI 5
constexpr std::uint64_t kBindTcp = 1ULL << 0;
constexpr std::uint64_t kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0;
constexpr std::uint64_t kScopeSignals = 1ULL << 1;

constexpr std::uint64_t kReadRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kExecuteRights = kReadRights | LANDLOCK_ACCESS_FS_EXECUTE;
// Rules on anything that is no folder may name these rights only.
constexpr std::uint64_t kFileRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                      LANDLOCK_ACCESS_FS_EXECUTE | kTruncate | kIoctlDevice;
constexpr std::uint64_t kNeverWritable =
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_EXECUTE;

// All file rights of `abi`: rights were added one bit after the other.
std::uint64_t handled_file_rights(int abi) {
  std::uint64_t rights = LANDLOCK_ACCESS_FS_REFER - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

[[noreturn]] void refuse(const std::string& attempt, const std::string& advice) {
  const int error_number = errno;
  throw Error(ErrorCode::Sandbox,
              attempt + ": " + std::generic_category().message(error_number) + "; " + advice);
}

// `rights` is cut down to what the ruleset handles and the kind of file can have.
void add_rule(int ruleset, const std::string& path, std::uint64_t rights) {
  const UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) {
    // What this process cannot reach at all needs no rule.
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return;
    refuse("open " + path + " for a Landlock rule", "check the path");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) refuse("look at " + path + " for a Landlock rule", "check the path");
  if (!S_ISDIR(status.st_mode)) rights &= kFileRights;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = file.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    refuse("add a Landlock rule for " + path, "name a file or folder of a real file system");
  }
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi <= 0) return 0;
  const char* older = std::getenv("HUBCELL_TEST_LANDLOCK_ABI");
  const int bound = older == nullptr ? 0 : std::atoi(older);
  return static_cast<int>(bound > 0 ? std::min<long>(abi, bound) : abi);
}

UniqueFd make_landlock_ruleset(const LandlockPolicy& policy) {
  const int abi = landlock_abi();
  RulesetAttributes attributes{.handled_access_fs = handled_file_rights(abi)};
  if (policy.deny_tcp && abi >= 4) attributes.handled_access_net = kBindTcp | kConnectTcp;
  if (policy.scope_ipc && abi >= 6) attributes.scoped = kScopeAbstractSockets | kScopeSignals;
  UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!ruleset) {
    refuse(
        "make a Landlock ruleset",
        "needs Linux 5.13 or later, booted with landlock in its lsm= list, and a container that allows it");
  }
  const std::uint64_t handled = attributes.handled_access_fs;
  for (const std::string& path : policy.readable)
    add_rule(ruleset.get(), path, handled & kReadRights);
  for (const std::string& path : policy.executable)
    add_rule(ruleset.get(), path, handled & kExecuteRights);
  for (const std::string& path : policy.writable)
    add_rule(ruleset.get(), path, handled & ~kNeverWritable);
  return ruleset;
}

void enter_landlock(int ruleset) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    refuse("give up new privileges for Landlock", "needs a kernel that allows PR_SET_NO_NEW_PRIVS");
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    refuse("enter a Landlock ruleset", "at most 16 can be nested, and a container may forbid it");
  }
}

}  // namespace hubcell::posix

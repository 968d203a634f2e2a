#include "tools/client/installation.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <hubcell/error.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace hubcell::client {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSupervisor = "hubcell-supervisor";

// The program or shared library that this code was linked into. The loader has no name for the program itself but the
// word that it was called by, which need not be a path.
fs::path own_file() {
  Dl_info self{};
  link_map* loaded = nullptr;
  const bool found = ::dladdr1(reinterpret_cast<const void*>(&find_supervisor), &self,
                               reinterpret_cast<void**>(&loaded), RTLD_DL_LINKMAP) != 0;
  const bool is_library = found && loaded->l_name != nullptr && *loaded->l_name != '\0';
  std::error_code failure;  // leaves the path empty
  return fs::canonical(is_library ? loaded->l_name : "/proc/self/exe", failure);
}

// An environment is not believed in a program that runs with more rights than its caller.
std::vector<fs::path> libexec_folders() {
  const char* named = ::secure_getenv("HUBCELL_LIBEXEC");
  if (named != nullptr && *named != '\0') return {fs::absolute(named)};
  std::vector<fs::path> folders;
  const fs::path file = own_file();
  if (!file.empty()) folders.push_back(file.parent_path().parent_path() / "libexec" / "hubcell");
  if (*installed_libexec() != '\0') folders.emplace_back(installed_libexec());
  return folders;
}

}  // namespace

std::string find_supervisor() {
  std::string looked_in;
  for (const fs::path& folder : libexec_folders()) {
    const fs::path program = folder / kSupervisor;
    if (::access(program.c_str(), X_OK) == 0) return program;
    looked_in += (looked_in.empty() ? "" : " or ") + folder.string();
  }
  throw Error(ErrorCode::System,
              std::string("start hubcell: there is no ") + kSupervisor + " in " + looked_in +
                  "; install hubcell again, or name its libexec/hubcell in HUBCELL_LIBEXEC");
}

std::string find_libexec() {
  return fs::path(find_supervisor()).parent_path();
}

}  // namespace hubcell::client

// The package carries its programs: hubcell/libexec lies beside the extension.
#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "tools/client/installation.h"

namespace hubcell::client {

const char* installed_libexec() {
  static const std::string folder = [] {
    Dl_info self{};
    if (::dladdr(reinterpret_cast<const void*>(&installed_libexec), &self) == 0) return std::string();
    return (std::filesystem::absolute(self.dli_fname).parent_path() / "libexec" / "hubcell").string();
  }();
  return folder.c_str();
}

}  // namespace hubcell::client

#include "supervisor/source/torch_hub.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "supervisor/source/cache_layout.h"

namespace hubcell::source {
namespace {

namespace fs = std::filesystem;

// Empty where other repositories would have it, too, or where `repository` is no owner/name.
std::optional<fs::path> place_of(const std::string& cache_root, const std::string& repository,
                                 std::string ref) {
  std::string name = repository + "_" + ref;
  if (std::ranges::count(repository, '/') != 1 || repository.find(':') != std::string::npos)
    return std::nullopt;
  std::ranges::replace(name, '/', '_');
  if (std::ranges::count(name, '_') != 2) return std::nullopt;
  return fs::path(cache_root).parent_path() / name;
}

}  // namespace

void link_for_torch_hub(const std::string& cache_root, const std::string& repository, const std::string& ref,
                        const std::string& checkout) {
  const auto place = place_of(cache_root, repository, ref);
  if (!place) return;
  std::error_code failed;
  const fs::path target = fs::path(checkout).lexically_relative(place->parent_path());
  if (fs::is_symlink(*place, failed)) {
    const fs::path before = fs::read_symlink(*place, failed);
    const bool is_ours = *before.begin() == fs::path(cache_root).filename();
    if (failed || before == target || !is_ours) return;
  } else if (fs::exists(*place, failed) || failed) {
    return;
  }
  // Another program may do the same: a rename is all or nothing.
  const fs::path temporary = place->parent_path() / (kTemporaryPrefix + place->filename().string());
  fs::create_symlink(target, temporary, failed);
  fs::rename(temporary, *place, failed);
}

std::optional<std::string> find_folder_of_torch_hub(const std::string& cache_root,
                                                    const std::string& repository,
                                                    const std::optional<std::string>& ref) {
  const std::vector<std::string> refs = ref ? std::vector{*ref} : std::vector<std::string>{"main", "master"};
  for (const std::string& one : refs) {
    const auto place = place_of(cache_root, repository, one);
    std::error_code failed;
    if (place && !fs::is_symlink(*place, failed) && fs::is_regular_file(*place / "hubconf.py", failed))
      return place->string();
  }
  return std::nullopt;
}

}  // namespace hubcell::source

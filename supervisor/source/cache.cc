#include "supervisor/source/cache.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/source/cache_layout.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::source {
namespace {

namespace fs = std::filesystem;
using Variables = std::map<std::string, std::string>;

constexpr std::size_t kIndexEntryBytesMax = 4096;

std::string value_of(const Variables& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string home_folder(const Variables& environment) {
  if (std::string home = value_of(environment, "HOME"); !home.empty()) return home;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr || found->pw_dir == nullptr ? "/" : found->pw_dir;
}

// The folder that `path`, the value of `variable`, names; `~` is the home folder, as in torch.hub.
fs::path checked_folder(const std::string& variable, const std::string& path, const Variables& environment) {
  if (path == "~") return home_folder(environment);
  if (path.starts_with("~/")) return home_folder(environment) + path.substr(1);
  if (path.starts_with('/')) return path;
  throw Error(ErrorCode::Source, "find the cache: " + variable + " is " + in_quotes(path) +
                                     ", which is no full path; write one that starts with '/'");
}

fs::path default_hub_folder(const Variables& environment) {
  if (const std::string torch = value_of(environment, "TORCH_HOME"); !torch.empty()) {
    return checked_folder("TORCH_HOME", torch, environment) / "hub";
  }
  if (const std::string caches = value_of(environment, "XDG_CACHE_HOME"); !caches.empty()) {
    return checked_folder("XDG_CACHE_HOME", caches, environment) / "torch" / "hub";
  }
  return checked_folder("HOME", home_folder(environment), environment) / ".cache" / "torch" / "hub";
}

std::optional<IndexEntry> read_index_entry(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  std::string text(kIndexEntryBytesMax, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return IndexEntry::from_text(text);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The one commit with a checkout in `place` that begins with `digits`.
std::optional<std::string> commit_that_begins(const RepositoryFolder& place, const std::string& digits) {
  const std::string wanted = lower_case(digits);
  std::optional<std::string> found;
  std::error_code failed;
  for (fs::directory_iterator entry(place.checkouts(), failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename();
    if (!is_commit(name) || !name.starts_with(wanted)) continue;
    if (found) return std::nullopt;
    found = name;
  }
  return failed ? std::nullopt : found;
}

}  // namespace

std::string cache_root(const std::string& hub_folder, const Variables& environment) {
  const fs::path folder = hub_folder.empty() ? default_hub_folder(environment)
                                             : checked_folder("the hub folder", hub_folder, environment);
  return (folder / "hubcell").lexically_normal();
}

std::optional<Cached> find_cached(const std::string& cache_root, const std::string& url,
                                  const std::optional<std::string>& ref) {
  const RepositoryFolder place(cache_root, url);
  std::optional<IndexEntry> entry = read_index_entry(place.index_entry(ref));
  if (!entry && ref && may_begin_commit(*ref)) {
    if (const auto commit = commit_that_begins(place, *ref)) entry = IndexEntry{*ref, *commit};
  }
  if (!entry || !is_folder(place.checkout(entry->commit))) return std::nullopt;
  return Cached{.ref = entry->ref, .commit = entry->commit, .folder = place.checkout(entry->commit)};
}

}  // namespace hubcell::source

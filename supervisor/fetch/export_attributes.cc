#include "supervisor/fetch/export_attributes.h"

#include <array>
#include <ctime>
#include <fstream>
#include <map>
#include <string_view>
#include <vector>

#include <hubcell/error.h>

#include "supervisor/fetch/files.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBegin = "$Format:";

struct Exported {
  std::vector<fs::path> ignored;
  std::vector<fs::path> substituted;
};

// Asked before anything is changed: the attributes come from files of the tree.
Exported find_exported(git_repository* repository, const fs::path& folder) {
  std::array<const char*, 2> names{"export-ignore", "export-subst"};
  Exported found;
  for (auto entry = fs::recursive_directory_iterator(folder), end = fs::recursive_directory_iterator();
       entry != end; ++entry) {
    const std::string path = entry->path().lexically_relative(folder);
    std::array<const char*, 2> values{};
    if (::git_attr_get_many(values.data(), repository, GIT_ATTR_CHECK_FILE_THEN_INDEX, path.c_str(),
                            names.size(), names.data()) != 0) {
      continue;
    }
    if (::git_attr_value(values[0]) == GIT_ATTR_VALUE_TRUE) {
      found.ignored.push_back(entry->path());
      entry.disable_recursion_pending();
    } else if (::git_attr_value(values[1]) == GIT_ATTR_VALUE_TRUE && entry->is_regular_file() &&
               !entry->is_symlink()) {
      found.substituted.push_back(entry->path());
    }
  }
  return found;
}

// "2020-01-31 10:00:00 +0100", and strictly "2020-01-31T10:00:00+01:00".
std::string iso_date(const git_time& when, bool is_strict) {
  const std::time_t local = static_cast<std::time_t>(when.time) + when.offset * 60;
  std::tm parts{};
  ::gmtime_r(&local, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), is_strict ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S ", &parts);
  if (is_strict && when.offset == 0) return std::string(text.data()) + "Z";
  const int minutes = when.offset < 0 ? -when.offset : when.offset;
  std::array<char, 8> zone{};
  std::snprintf(zone.data(), zone.size(), is_strict ? "%c%02d:%02d" : "%c%02d%02d",
                when.offset < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
  return std::string(text.data()) + zone.data();
}

std::string short_id(git_repository* repository, const git_oid& id) {
  git_object* found = nullptr;
  if (::git_object_lookup(&found, repository, &id, GIT_OBJECT_ANY) != 0)
    return git::format_id(id).substr(0, 7);
  git_buf text = GIT_BUF_INIT;
  const bool is_known = ::git_object_short_id(&text, found) == 0;
  std::string digits = is_known ? text.ptr : git::format_id(id).substr(0, 7);
  ::git_buf_dispose(&text);
  ::git_object_free(found);
  return digits;
}

// "HEAD -> main, tag: v1, other": in the order of git log.
std::string names_of(const std::string& commit, const RefListing& listing) {
  std::string names;
  const auto add = [&names](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  const bool is_head = listing.head == commit && listing.default_branch;
  if (is_head) add("HEAD -> " + *listing.default_branch);
  for (const auto& [name, id] : listing.tags)
    if (id == commit) add("tag: " + name);
  for (const auto& [name, id] : listing.branches)
    if (id == commit && !(is_head && name == *listing.default_branch)) add(name);
  return names;
}

using Placeholders = std::map<std::string, std::string, std::less<>>;

// Those that are used to tell versions; others stay as they are.
Placeholders placeholders_of(git_repository* repository, git_commit* commit, const RefListing& listing) {
  const git_oid& id = *::git_commit_id(commit);
  const git_signature& author = *::git_commit_author(commit);
  const git_signature& committer = *::git_commit_committer(commit);
  const std::string names = names_of(git::format_id(id), listing);
  std::string parents, short_parents;
  for (unsigned i = 0; i < ::git_commit_parentcount(commit); ++i) {
    const git_oid& parent = *::git_commit_parent_id(commit, i);
    parents += (i == 0 ? "" : " ") + git::format_id(parent);
    short_parents += (i == 0 ? "" : " ") + short_id(repository, parent);
  }
  const char* summary = ::git_commit_summary(commit);
  return {{"H", git::format_id(id)},
          {"h", short_id(repository, id)},
          {"T", git::format_id(*::git_commit_tree_id(commit))},
          {"t", short_id(repository, *::git_commit_tree_id(commit))},
          {"P", parents},
          {"p", short_parents},
          {"an", author.name},
          {"ae", author.email},
          {"ai", iso_date(author.when, false)},
          {"aI", iso_date(author.when, true)},
          {"at", std::to_string(author.when.time)},
          {"cn", committer.name},
          {"ce", committer.email},
          {"ci", iso_date(committer.when, false)},
          {"cI", iso_date(committer.when, true)},
          {"ct", std::to_string(committer.when.time)},
          {"d", names.empty() ? "" : " (" + names + ")"},
          {"D", names},
          {"s", summary == nullptr ? "" : summary},
          {"n", "\n"},
          {"%", "%"}};
}

std::string filled(std::string_view format, const Placeholders& placeholders) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    auto found = placeholders.find(format.substr(i + 1, 2));
    if (found == placeholders.end() || found->first.size() < 2)
      found = placeholders.find(format.substr(i + 1, 1));
    if (found == placeholders.end()) {
      text += '%';
      continue;
    }
    text += found->second;
    i += found->first.size();
  }
  return text;
}

std::string substituted(std::string_view text, const Placeholders& placeholders) {
  std::string result;
  for (;;) {
    const std::size_t begin = text.find(kBegin);
    const std::size_t end = begin == std::string_view::npos ? begin : text.find('$', begin + kBegin.size());
    if (end == std::string_view::npos) return result.append(text);
    result.append(text.substr(0, begin));
    result += filled(text.substr(begin + kBegin.size(), end - begin - kBegin.size()), placeholders);
    text.remove_prefix(end + 1);
  }
}

}  // namespace

void apply_export_attributes(git_repository* repository, const std::string& commit, const fs::path& folder,
                             const RefListing& listing) {
  const Exported found = find_exported(repository, folder);
  if (!found.substituted.empty()) {
    const git_oid id = git::parse_id(commit);
    git_commit* looked_up = nullptr;
    git::check(::git_commit_lookup(&looked_up, repository, &id), "read commit " + commit);
    const git::Commit opened(looked_up);
    const Placeholders placeholders = placeholders_of(repository, opened.get(), listing);
    for (const fs::path& file : found.substituted) {
      const std::string text = read_whole_file(file);
      std::ofstream(file, std::ios::binary | std::ios::trunc) << substituted(text, placeholders);
    }
  }
  for (const fs::path& path : found.ignored)
    remove_tree(path);
}

}  // namespace hubcell::fetch

#include "tools/cli/cache.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include <hubcell/error.h>

#include "tools/cli/call.h"
#include "tools/cli/json_output.h"
#include "tools/cli/terminal.h"
#include "tools/cli/text_output.h"
#include "tools/text/figures.h"
#include "tools/text/printable.h"
#include "tools/text/style.h"

namespace hubcell::cli {
namespace {

constexpr std::size_t kCommitDigits = 8;

std::string day_of(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

// "owner/name@main, v1", "owner/name (history)", "https://host/net.pth"
std::string label_of(const CacheEntry& entry) {
  std::string label = text::printable(short_name(entry.name));
  if (entry.kind == "checkout") label += "@" + text::printable(entry.refs);
  if (entry.kind == "mirror") label += " (history)";
  if (entry.kind == "checkpoint") label += " (checkpoints)";
  return label;
}

Json to_json(const CacheEntry& entry) {
  Json json = {{"kind", entry.kind},
               {"name", short_name(entry.name)},
               {"url", entry.name},
               {"path", entry.path},
               {"bytes", entry.bytes},
               {"last_use", entry.last_use},
               {"complaint", entry.complaint.empty() ? Json() : Json(entry.complaint)}};
  if (entry.kind == "checkout") {
    json["refs"] = entry.refs;
    json["commit"] = entry.commit;
  } else if (entry.kind != "mirror") {
    json["sha256"] = entry.commit;
  }
  return json;
}

void show(const std::vector<CacheEntry>& entries, const Options& options) {
  if (options.json) {
    Json json = Json::array();
    for (const CacheEntry& entry : entries)
      json.push_back(to_json(entry));
    std::cout << dump(json) << '\n';
    return;
  }
  const text::Style style(STDOUT_FILENO);
  std::uint64_t bytes = 0;
  for (const CacheEntry& entry : entries) {
    char columns[64];
    std::snprintf(columns, sizeof columns, "%10s  %s  %-8s  ", text::size_text(entry.bytes).c_str(),
                  day_of(entry.last_use).c_str(), entry.commit.substr(0, kCommitDigits).c_str());
    std::cout << style.faint(columns) << label_of(entry);
    if (!entry.complaint.empty()) std::cout << "  " << style.bad(text::printable(entry.complaint));
    std::cout << '\n';
    bytes += entry.bytes;
  }
  if (entries.size() > 1) {
    char total[64];
    std::snprintf(total, sizeof total, "%10s  in all\n", text::size_text(bytes).c_str());
    std::cout << style.faint(total);
  }
}

// One that is not there is said so, before anything is shown.
std::vector<CacheEntry> collect(const Options& options,
                                const std::function<std::vector<CacheEntry>(const std::string&)>& get) {
  if (options.names.empty()) return get("");
  std::vector<CacheEntry> all;
  for (const std::string& name : options.names) {
    std::vector<CacheEntry> found = get(name);
    if (found.empty())
      throw Error(ErrorCode::Source,
                  "look for " + name + " in the cache: it is not there; see hubcell cache ls");
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

int show_path(Hub& hub, const Options& options) {
  if (options.names.empty()) {
    std::cout << hub.cache_folder() << '\n';
    return 0;
  }
  for (const CacheEntry& entry :
       collect(options, [&](const std::string& name) { return hub.cached(name); })) {
    if (entry.kind != "mirror") std::cout << entry.path << '\n';
  }
  return 0;
}

int verify(Hub& hub, const Options& options) {
  const auto entries = collect(options, [&](const std::string& name) { return hub.cached(name, true); });
  show(entries, options);
  const auto bad =
      std::ranges::count_if(entries, [](const CacheEntry& entry) { return !entry.complaint.empty(); });
  if (bad == 0) return 0;
  std::cerr << "hubcell: verify the cache: " << bad << " of " << entries.size()
            << " entries are not what was fetched; hubcell cache rm NAME removes one, the next load fetches "
               "it again\n";
  return 1;
}

}  // namespace

std::string short_name(const std::string& url) {
  const char* named = std::getenv("HUBCELL_GITHUB_URL");
  std::string base = named == nullptr || *named == '\0' ? "https://github.com" : named;
  while (base.ends_with('/'))
    base.pop_back();
  if (!url.starts_with(base + "/") || !url.ends_with(".git")) return url;
  return url.substr(base.size() + 1, url.size() - base.size() - 1 - 4);
}

int fetch(Hub& hub, const Options& options, Progress& progress) {
  const ModelInfo info = hub.info(options.repository);
  if (!options.entry.empty()) {
    CallArguments arguments = entry_arguments(options);
    hub.load(options.repository, options.entry, std::move(arguments.positional), std::move(arguments.named));
  }
  progress.clear();
  if (options.json) {
    std::cout << dump(Json{{"repo", info.repository},
                           {"ref", info.ref},
                           {"commit", info.commit},
                           {"path", info.folder}})
              << '\n';
  } else {
    std::cout << text::printable(info.folder) << '\n';
  }
  return 0;
}

int cache(Hub& hub, const Options& options) {
  if (options.action == "path") return show_path(hub, options);
  if (options.action == "verify") return verify(hub, options);
  const bool removes = options.action == "rm";
  show(collect(options,
               [&](const std::string& name) { return removes ? hub.remove_cached(name) : hub.cached(name); }),
       options);
  return 0;
}

}  // namespace hubcell::cli

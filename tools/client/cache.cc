// The cache, looked after.
#include <hubcell/hub.h>

#include <array>

#include "shared/wire/cache_messages.h"
#include "tools/client/session.h"

namespace hubcell {
namespace {

constexpr std::array kKinds{"checkout", "mirror", "file", "checkpoint"};

std::vector<CacheEntry> manage(client::Session& session, wire::CacheAction action, const std::string& what) {
  std::vector<CacheEntry> entries;
  session.manage_cache({.action = action, .what = what}, [&](const wire::CacheEntry& entry) {
    entries.push_back({.kind = kKinds.at(static_cast<std::size_t>(entry.kind)),
                       .name = entry.name,
                       .refs = entry.refs,
                       .commit = entry.commit,
                       .path = entry.path,
                       .bytes = entry.bytes,
                       .last_use = entry.last_use_s,
                       .complaint = entry.complaint});
  });
  return entries;
}

}  // namespace

std::vector<CacheEntry> Hub::cached(const std::string& what, bool verify) {
  return manage(*session_, verify ? wire::CacheAction::Verify : wire::CacheAction::List, what);
}

std::vector<CacheEntry> Hub::remove_cached(const std::string& what) {
  return manage(*session_, wire::CacheAction::Remove, what);
}

std::string Hub::cache_folder() {
  return session_->manage_cache({.action = wire::CacheAction::Locate}, [](const wire::CacheEntry&) {});
}

}  // namespace hubcell

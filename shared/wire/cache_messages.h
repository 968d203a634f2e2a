// Looking after the cache: what client and supervisor, and supervisor and fetcher, say about it.
#pragma once

#include <cstdint>
#include <string>

#include "shared/wire/codec.h"
#include "shared/wire/messages.h"

namespace hubcell::wire {

enum class CacheAction : std::uint8_t { List = 0, Verify = 1, Remove = 2, Locate = 3 };

// client -> supervisor. Answered by any number of Progress and CacheEntry, then CacheDone or Failure. `what`: a repository as
// users name it, with or without a ref, or the URL of a file; empty for everything.
// Locate: nothing but where the cache lies.
struct ManageCache {
  static constexpr Tag kTag = Tag::ManageCache;
  CacheAction action = CacheAction::List;
  std::string what = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(checked_enum(action, CacheAction::Locate), what);
  }
};

enum class CacheKind : std::uint8_t {
  Checkout = 0,   // of a commit
  Mirror = 1,     // the history that was fetched of a repository
  File = 2,       // that workers had fetched
  Checkpoint = 3  // in torch.hub's folder, that the program had fetched
};

struct CacheEntry {
  static constexpr Tag kTag = Tag::CacheEntry;
  CacheKind kind = CacheKind::Checkout;
  std::string name = {};    // the repository's URL, or the file's
  std::string refs = {};    // of a checkout: what led to it, with commas
  std::string commit = {};  // of a checkout; of a file its sha256
  std::string path = {};
  std::uint64_t bytes = 0;
  std::int64_t last_use_s =
      0;  // since the epoch; of files that the file system keeps no account of: when they came
  std::string complaint = {};  // what is wrong with it; empty where nothing is, or nobody looked

  template <class Archive>
  void serialize(Archive& archive) {
    archive(checked_enum(kind, CacheKind::Checkpoint), name, refs, commit, path, bytes, last_use_s,
            complaint);
  }
};

struct CacheDone {
  static constexpr Tag kTag = Tag::CacheDone;
  std::string root = {};  // of the cache

  template <class Archive>
  void serialize(Archive& archive) {
    archive(root);
  }
};

}  // namespace hubcell::wire

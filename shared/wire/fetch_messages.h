// What the supervisor and hubcell-fetch say to each other: one FetchJob, then FetchEvents, of which the last
// one holds the result. One message each on the fetcher's socket, without a frame around it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/error.h>

#include "shared/wire/cache_messages.h"
#include "shared/wire/codec.h"
#include "shared/wire/history_messages.h"

namespace hubcell::wire {

// Who wants it: what the program asks for follows torch.hub's rules, what a worker asks for those for foreign code.
enum class Origin : std::uint8_t { Caller = 0, Worker = 1 };

// ---- supervisor -> fetcher

// A commit of a repository, to be checked out in the cache.
struct CommitJob {
  std::string url = {};                 // the remote
  std::string name = {};                // what messages call it
  std::optional<std::string> ref = {};  // empty: the remote's default branch
  bool refresh = false;                 // look at the remote even where the cache knows the ref
  std::string grant = {};  // a folder that becomes a copy of the checkout, made of links; or empty

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, name, ref, refresh, grant);
  }
};

// A file that the program wants at a place of its choice.
struct FileJob {
  std::string url = {};
  std::string folder = {};       // absolute; made where it is missing
  std::string name = {};         // of the file in it
  std::string hash_prefix = {};  // what its sha256 must begin with
  bool hash = false;             // its sha256 is asked for, also where it is there already
  bool keep = false;             // what lies there already will do, unless it is known to be something else
  std::string grant = {};        // a further name for it; or empty

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, folder, name, hash_prefix, hash, keep, grant);
  }
};

// A file that a worker wants by its URL, from the cache's own store if it is there.
struct BlobJob {
  std::string url = {};
  std::string hash_prefix = {};
  bool refresh = false;
  std::string grant = {};  // the name that the worker will read it by
  bool checkpoints =
      false;  // the worker may read torch.hub's folder: what lies there under the file's name will do

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, hash_prefix, refresh, grant, checkpoints);
  }
};

// The cache, looked after.
struct CacheJob {
  CacheAction action = CacheAction::List;
  bool everything = false;
  std::string url = {};                 // of a repository
  std::optional<std::string> ref = {};  // of it; empty: all
  std::string file = {};                // the URL of a file

  template <class Archive>
  void serialize(Archive& archive) {
    archive(checked_enum(action, CacheAction::Locate), everything, url, ref, file);
  }
};

// One end of a history.
struct HistoryEnd {
  std::optional<std::string> ref = {};  // empty: the remote's default branch
  std::string commit = {};              // what the cache knows it to be; or empty

  template <class Archive>
  void serialize(Archive& archive) {
    archive(ref, commit);
  }
};

// What lies between two commits of a repository.
struct HistoryJob {
  std::string url = {};
  std::string name = {};
  std::optional<HistoryEnd> a = {};  // empty: the first parent of b
  HistoryEnd b = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, name, a, b);
  }
};

// One of the five.
struct FetchJob {
  Origin origin = Origin::Caller;
  std::string cache_root = {};  // absolute; made where it is missing
  std::optional<CommitJob> commit = {};
  std::optional<FileJob> file = {};
  std::optional<BlobJob> blob = {};
  std::optional<CacheJob> cache = {};
  std::optional<HistoryJob> history = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(checked_enum(origin, Origin::Worker), cache_root, commit, file, blob, cache, history);
  }
};

// ---- fetcher -> supervisor

// `done` and `total` count bytes; 0 where that is not known.
struct FetchProgress {
  std::string what;
  std::uint64_t done = 0;
  std::uint64_t total = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(what, done, total);
  }
};

struct FetchedCommit {
  std::string ref;       // as it was asked for, or the default branch's name
  std::string commit;    // 40 hexadecimal digits
  std::string checkout;  // folder with the commit's files

  template <class Archive>
  void serialize(Archive& archive) {
    archive(ref, commit, checkout);
  }
};

struct FetchedFile {
  std::string sha256;  // 64 hexadecimal digits
  std::uint64_t bytes = 0;
  bool was_there = false;  // nothing had to be transferred

  template <class Archive>
  void serialize(Archive& archive) {
    archive(sha256, bytes, was_there);
  }
};

struct FetchResult {
  std::optional<FetchedCommit> commit;
  std::optional<FetchedFile> file;
  std::optional<std::uint64_t> managed;  // entries of the cache
  std::vector<std::string> warnings;
  ErrorCode error_code = ErrorCode::System;  // where there is none of them
  std::string error_message;                 // one line
  bool unreachable = false;                  // there was nobody to ask
  std::optional<HistoryRead> history;

  bool ok() const { return commit || file || managed || history; }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(commit, file, managed, warnings, checked_enum(error_code, kErrorCodeLast), error_message,
            unreachable, history);
  }
};

struct FetchEvent {
  std::optional<FetchProgress> progress = {};
  std::optional<CacheEntry> entry = {};
  std::optional<FetchResult> result = {};
  std::optional<HistoryPart> history = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(progress, entry, result, history);
  }
};

}  // namespace hubcell::wire

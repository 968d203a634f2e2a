// What the supervisor and hubcell-fetch say to each other: one FetchJob, then FetchEvents, of which the last
// one holds the result. One message each on the fetcher's socket, without a frame around it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/error.h>

#include "shared/wire/codec.h"

namespace hubcell::wire {

// ---- supervisor -> fetcher

struct FetchJob {
  std::string url;                 // the remote
  std::string name;                // what messages call it
  std::optional<std::string> ref;  // empty: the remote's default branch
  std::string cache_root;          // absolute; made where it is missing

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, name, ref, cache_root);
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

struct FetchResult {
  bool ok = false;
  ErrorCode error_code = ErrorCode::System;  // where it is not ok
  std::string error_message;                 // one line
  std::string ref;                           // as it was asked for, or the default branch's name
  std::string commit;                        // 40 hexadecimal digits
  std::string checkout;                      // folder with the commit's files
  std::vector<std::string> warnings;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(ok, checked_enum(error_code, kErrorCodeLast), error_message, ref, commit, checkout, warnings);
  }
};

struct FetchEvent {
  std::optional<FetchProgress> progress;
  std::optional<FetchResult> result;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(progress, result);
  }
};

}  // namespace hubcell::wire

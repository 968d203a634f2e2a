// Pinning: what a program's lock file demands, and what its loads used.
#pragma once

#include <string>
#include <vector>

#include "shared/wire/codec.h"
#include "shared/wire/messages.h"

namespace hubcell::wire {

// A commit (name, ref, commit) or a file (url, sha256); the rest is empty.
struct Pin {
  std::string name = {};    // of a repository, without the ref
  std::string ref = {};     // as it was asked for, or the default branch's name
  std::string commit = {};  // 40 hexadecimal digits
  std::string url = {};
  std::string sha256 = {};  // 64 hexadecimal digits

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, ref, commit, url, sha256);
  }
};

// client -> supervisor, not answered. From now on anything else under these names and URLs is an error.
struct Pins {
  static constexpr Tag kTag = Tag::Pins;
  std::vector<Pin> pins;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pins);
  }
};

// supervisor -> client, any number before LoadSummary: what a load used beside its own repository.
struct LoadNote {
  static constexpr Tag kTag = Tag::LoadNote;
  Pin used = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(used);
  }
};

// supervisor -> client: the answer to a LoadEnded that is a request.
struct LoadSummary {
  static constexpr Tag kTag = Tag::LoadSummary;
  template <class Archive>
  void serialize(Archive&) {}
};

}  // namespace hubcell::wire

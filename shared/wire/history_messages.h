// The history of a repository between two of its commits: what client and supervisor, and supervisor and fetcher, say about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/wire/codec.h"
#include "shared/wire/messages.h"

namespace hubcell::wire {

// client -> supervisor. Answered by any number of Progress and HistoryPart, then HistoryRead or Failure. Two names of one repository;
// an empty `a` stands for the first parent of `b`.
struct ReadHistory {
  static constexpr Tag kTag = Tag::ReadHistory;
  std::string a = {};
  std::string b = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(a, b);
  }
};

// Text of foreign repositories: one line each, bounded (limits.h), in any encoding.
struct CommitRecord {
  std::string id = {};              // 40 hexadecimal digits
  std::string author = {};          // "Name <address>"
  std::int64_t time = 0;            // of the author, in seconds since the epoch
  std::int32_t offset_minutes = 0;  // of the author's clock, from UTC
  std::string subject = {};
  std::vector<std::string> parents = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, author, time, offset_minutes, subject, parents);
  }
};

struct FileRecord {
  std::string path = {};
  std::string old_path = {};  // where it was renamed, else empty
  std::uint8_t status = 'M';  // git's letter
  std::uint64_t added = 0;    // lines
  std::uint64_t removed = 0;
  bool is_binary = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(path, old_path, status, added, removed, is_binary);
  }
};

// Commits of b alone, newest first, each before its parents; and files that differ.
struct HistoryPart {
  static constexpr Tag kTag = Tag::HistoryPart;
  std::vector<CommitRecord> commits = {};
  std::vector<FileRecord> files = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(commits, files);
  }
};

// The last message of it. The parts have the first kHistoryCommitsMax commits and kHistoryFilesMax files of what is counted here.
struct HistoryRead {
  static constexpr Tag kTag = Tag::HistoryRead;
  CommitRecord a = {};  // without an id: a commit that has no parent was asked about
  CommitRecord b = {};
  std::string merge_base = {};  // empty: they have none
  std::uint64_t only_a = 0;     // commits
  std::uint64_t only_b = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t lines_added = 0;
  std::uint64_t lines_removed = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(a, b, merge_base, only_a, only_b, files_changed, lines_added, lines_removed);
  }
};

}  // namespace hubcell::wire

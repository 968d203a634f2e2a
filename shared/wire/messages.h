// The control messages between client and supervisor, grouped by who may send them, and the tags of all.
// shared/wire/PROTOCOL.md tells the sequences; worker_messages.h has those of templates and workers.
//
// Tags and fields are appended, never reused. Text is bounded by the size of a message
// (shared/posix/message_socket.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/error.h>

#include "shared/wire/codec.h"
#include "shared/wire/limits.h"
#include "shared/wire/permissions.h"

namespace hubcell::wire {

enum class Tag : std::uint16_t {
  Hello = 1,
  OpenWorker = 2,
  Progress = 3,
  WorkerOpened = 4,
  Failure = 5,
  DescribeWorker = 6,
  WorkerStatus = 7,
  LoadBegan = 8,
  LoadEnded = 9,
  CloseWorker = 10,
  Diagnose = 11,
  Diagnosis = 12,
  FetchFile = 13,
  FileFetched = 14,
  GiveUp = 15,
  ManageCache = 16,
  CacheEntry = 17,
  CacheDone = 18,
  Pins = 19,
  TemplateReady = 20,
  ForkWorker = 21,
  WorkerForked = 22,
  WorkerEnded = 23,
  ProbeLayers = 24,
  LayersProbed = 25,
  TemplateStarting = 26,
  WorkerReady = 30,
  WorkerFailed = 31,
  WantFile = 32,
  WantRepository = 33,
  Granted = 34,
  LoadNote = 35,
  LoadSummary = 36,
  Welcome = 40,
  ListWorkers = 41,
  RunningWorker = 42,
  RunningSupervisor = 43,
  Stop = 44,
  Stopped = 45,
  ReadLog = 46,
  LogLine = 47,
  LogEnd = 48,
  WantSegments = 50,
  SegmentsMade = 51,
  OfferSegments = 52,
  SegmentsShared = 53,
  DropSegments = 54,
  MapSegment = 55,
  SegmentMapped = 56,
  ReadHistory = 60,
  HistoryPart = 61,
  HistoryRead = 62,
  Attach = 63,
};

struct LayerReport {
  std::string name;
  bool holds = false;
  std::string detail;
  bool needed = true;  // a part of the minimum

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, holds, detail, needed);
  }
};

// Where what workers print goes: to the program's stream of the same kind as it is; to its standard error, each line
// behind the worker's name; or nowhere.
enum class WorkerOutput : std::uint8_t { Inherit = 0, Prefixed = 1, Discard = 2 };

// ---- client -> supervisor

// First on the socket. On that of a shared supervisor it is a request, answered by Welcome or Failure, and brings the program's
// standard output and standard error. `environment` holds NAME=value of what decides about names, caches and interpreters.
struct Hello {
  static constexpr Tag kTag = Tag::Hello;
  std::uint32_t protocol_version = kProtocolVersion;
  std::string working_folder;
  std::vector<std::string> environment;
  WorkerOutput output = WorkerOutput::Inherit;
  std::string hub_folder;          // empty: as the environment says
  std::uint64_t first_worker = 1;  // the number of the first that is opened

  template <class Archive>
  void serialize(Archive& archive) {
    archive(protocol_version, working_folder, environment, checked_enum(output, WorkerOutput::Discard),
            hub_folder, first_worker);
  }
};

// Answered by any number of Progress, then WorkerOpened or Failure. Equal requests of one session share a
// worker.
struct OpenWorker {
  static constexpr Tag kTag = Tag::OpenWorker;
  std::string repository;
  std::string python;
  std::optional<std::uint64_t> seed;
  std::uint64_t memory_bytes = 0;
  std::uint32_t threads = 0;
  bool refresh = false;  // fetch the ref and, for its loads, the files again; a worker that nobody has yet
  Permissions permissions = {};
  bool observe = false;       // it notes what its foreign code does beyond its own files (Verb::Observed)
  std::uint32_t replica = 0;  // which of several that are alike

  template <class Archive>
  void serialize(Archive& archive) {
    archive(repository, python, seed, memory_bytes, threads, refresh, permissions, observe, replica);
  }
};

// Answered by WorkerStatus, once the worker has ended or `wait_ms` have passed.
struct DescribeWorker {
  static constexpr Tag kTag = Tag::DescribeWorker;
  std::uint64_t worker = 0;
  std::uint32_t wait_ms = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, wait_ms);
  }
};

// Brackets of a load that the client makes by a call in `worker`; `model` is the client's number for what is
// loaded. Between them the worker may want files and repositories; what is fetched for it meanwhile is told by Progress,
// as answers to LoadBegan. Nothing else answers it. A
// LoadEnded that is a request is answered by any number of LoadNote, then LoadSummary (lock_messages.h).
struct LoadBegan {
  static constexpr Tag kTag = Tag::LoadBegan;
  std::uint64_t worker = 0;
  std::uint64_t model = 0;
  std::string entry;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, model, entry);
  }
};
struct LoadEnded {
  static constexpr Tag kTag = Tag::LoadEnded;
  std::uint64_t worker = 0;
  std::uint64_t model = 0;
  bool succeeded = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, model, succeeded);
  }
};

// Not answered.
struct CloseWorker {
  static constexpr Tag kTag = Tag::CloseWorker;
  std::uint64_t worker = 0;
  bool nobody_asks = false;  // there will be no DescribeWorker: it can be forgotten once it has ended

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, nobody_asks);
  }
};

// A download of the program's own. Answered by any number of Progress, then FileFetched or Failure.
struct FetchFile {
  static constexpr Tag kTag = Tag::FetchFile;
  std::string url = {};
  std::string folder = {};       // absolute; empty: the hub folder's checkpoints
  std::string name = {};         // of the file in it
  std::string hash_prefix = {};  // what its sha256 must begin with
  bool hash = false;             // its sha256 is asked for, also where it is there already
  bool keep = false;             // what lies there already will do
  std::uint64_t worker = 0;      // may read it too; 0: none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, folder, name, hash_prefix, hash, keep, worker);
  }
};

// Brings the supervisor's end of a further control socket of the same program, for a Hub beside the first: a session of its own, which
// begins with its Hello. Of a program's own supervisor only. Not answered.
struct Attach {
  static constexpr Tag kTag = Tag::Attach;

  template <class Archive>
  void serialize(Archive&) {}
};

// Answered by Diagnosis or Failure.
struct Diagnose {
  static constexpr Tag kTag = Tag::Diagnose;
  std::string python;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(python);
  }
};

// The program waits for the answer to `request` no longer: what is fetched for it can end. Not answered.
struct GiveUp {
  static constexpr Tag kTag = Tag::GiveUp;
  std::uint64_t request = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(request);
  }
};

// ---- supervisor -> client

struct Progress {
  static constexpr Tag kTag = Tag::Progress;
  std::string what;
  std::uint64_t done = 0;
  std::uint64_t total = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(what, done, total);
  }
};

// Brings the channel's memfd and the worker's pidfd, in this order: once. A later equal request gets the same worker's
// number and no descriptors.
struct WorkerOpened {
  static constexpr Tag kTag = Tag::WorkerOpened;
  std::uint64_t worker = 0;
  std::string name;    // of the repository, without the ref
  std::string ref;     // empty for a local folder
  std::string commit;  // empty for a local folder
  std::string python_version;
  std::string torch_version;
  std::string sandbox;
  std::int64_t pid = 0;
  std::vector<std::string> warnings;
  std::string folder;  // with hubconf.py

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, name, ref, commit, python_version, torch_version, sandbox, pid, warnings, folder);
  }
};

struct FileFetched {
  static constexpr Tag kTag = Tag::FileFetched;
  std::string path;    // where the program has it
  std::string grant;   // where the worker has it, if one was named
  std::string sha256;  // 64 hexadecimal digits
  std::uint64_t bytes = 0;
  bool was_there = false;  // nothing had to be transferred

  template <class Archive>
  void serialize(Archive& archive) {
    archive(path, grant, sha256, bytes, was_there);
  }
};

// To a worker too.
struct Failure {
  static constexpr Tag kTag = Tag::Failure;
  ErrorCode code = ErrorCode::System;
  std::string message;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(checked_enum(code, kErrorCodeLast), message);
  }
};

struct WorkerStatus {
  static constexpr Tag kTag = Tag::WorkerStatus;
  bool ended = false;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::vector<std::string> output_tail;
  std::string reason;  // why it was ended, where the supervisor did: "was unloaded: ..."
  // Of its weights, what lies in segments, and of these what other workers map, too.
  std::uint64_t weights_bytes = 0;
  std::uint64_t common_weights_bytes = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(ended, exit_code, signal, output_tail, reason, weights_bytes, common_weights_bytes);
  }
};

struct Diagnosis {
  static constexpr Tag kTag = Tag::Diagnosis;
  std::string python_path;
  std::string python_version;
  std::string torch_version;
  std::vector<LayerReport> layers;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(python_path, python_version, torch_version, layers);
  }
};

}  // namespace hubcell::wire

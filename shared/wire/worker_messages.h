// The control messages of templates and workers, grouped by who may send them to whom.
#pragma once

#include "shared/wire/messages.h"

namespace hubcell::wire {

// ---- supervisor -> template

// Brings the worker's control socket, the channel's memfd, and the writing ends of the pipes that become its standard
// output and its standard error, in this order.
struct ForkWorker {
  static constexpr Tag kTag = Tag::ForkWorker;
  std::uint64_t worker = 0;  // what it is called in the template's answers
  std::string name;          // for logs
  std::string checkout;      // folder with hubconf.py
  std::optional<std::uint64_t> seed;
  std::uint64_t memory_bytes = 0;
  std::uint32_t threads = 0;
  std::string grants;  // folder where what it is granted later will lie
  Permissions permissions = {};
  bool observe = false;
  std::string bytecode = {};  // the archive of the checkout's code, or empty
  // It serves nobody, but compiles the checkout's files into an archive in its memfd, and exits with code 0.
  bool compiles = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, name, checkout, seed, memory_bytes, threads, grants, permissions, observe, bytecode,
            compiles);
  }
};

struct ProbeLayers {
  static constexpr Tag kTag = Tag::ProbeLayers;
  template <class Archive>
  void serialize(Archive&) {}
};

// ---- template -> supervisor

// Our extension is loaded, and torch is imported next. Then TemplateReady or WorkerFailed.
struct TemplateStarting {
  static constexpr Tag kTag = Tag::TemplateStarting;
  template <class Archive>
  void serialize(Archive&) {}
};

struct TemplateReady {
  static constexpr Tag kTag = Tag::TemplateReady;
  std::string python_version;
  std::string torch_version;
  std::string bytecode_tag = {};  // of archives that it can read; empty: of none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(python_version, torch_version, bytecode_tag);
  }
};

// Brings the worker's pidfd. WorkerFailed takes its place where the fork failed.
struct WorkerForked {
  static constexpr Tag kTag = Tag::WorkerForked;
  std::uint64_t worker = 0;
  std::int64_t pid = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, pid);
  }
};

struct WorkerEnded {
  static constexpr Tag kTag = Tag::WorkerEnded;
  std::uint64_t worker = 0;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, exit_code, signal);
  }
};

struct LayersProbed {
  static constexpr Tag kTag = Tag::LayersProbed;
  std::vector<LayerReport> layers;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(layers);
  }
};

// ---- worker -> supervisor (not trusted)

// The sandbox holds and calls are served.
struct WorkerReady {
  static constexpr Tag kTag = Tag::WorkerReady;
  std::vector<LayerReport> layers;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(layers);
  }
};

// Template or worker: it could not be started.
struct WorkerFailed {
  static constexpr Tag kTag = Tag::WorkerFailed;
  std::uint64_t worker = 0;
  std::string message;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(worker, message);
  }
};

// While a load runs, or of a host that is allowed: a file by its URL. Answered by Granted or Failure.
struct WantFile {
  static constexpr Tag kTag = Tag::WantFile;
  std::string url = {};
  std::string hash_prefix = {};  // what its sha256 must begin with

  template <class Archive>
  void serialize(Archive& archive) {
    archive(url, hash_prefix);
  }
};

// While a load runs: the files of another repository, which is loaded in the same worker. Answered by Granted or Failure.
struct WantRepository {
  static constexpr Tag kTag = Tag::WantRepository;
  std::string repository = {};
  bool refresh = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(repository, refresh);
  }
};

// ---- supervisor -> worker

// What the worker wanted lies there now, for reading.
struct Granted {
  static constexpr Tag kTag = Tag::Granted;
  std::string path;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(path);
  }
};

}  // namespace hubcell::wire

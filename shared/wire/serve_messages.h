// What is said on the socket of a shared supervisor beside sessions: who may go on, what runs there, and what to end.
#pragma once

#include <cstdint>
#include <string>

#include "shared/wire/codec.h"
#include "shared/wire/limits.h"
#include "shared/wire/messages.h"

namespace hubcell::wire {

// ---- supervisor -> client

// To a Hello that is a request.
struct Welcome {
  static constexpr Tag kTag = Tag::Welcome;
  std::uint64_t workers_max = kWorkersMax;  // of this session, at a time

  template <class Archive>
  void serialize(Archive& archive) {
    archive(workers_max);
  }
};

// ---- client -> supervisor

// Answered by any number of RunningWorker, then RunningSupervisor.
struct ListWorkers {
  static constexpr Tag kTag = Tag::ListWorkers;
  template <class Archive>
  void serialize(Archive&) {}
};

// Answered by Stopped, once it is told to end, or Failure. `pid` 0: the supervisor, when what runs in it has come to rest.
struct Stop {
  static constexpr Tag kTag = Tag::Stop;
  std::int64_t pid = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid);
  }
};

// Answered by any number of LogLine, and then LogEnd if it does not follow.
struct ReadLog {
  static constexpr Tag kTag = Tag::ReadLog;
  bool follow = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(follow);
  }
};

// ---- supervisor -> client

struct RunningWorker {
  static constexpr Tag kTag = Tag::RunningWorker;
  std::int64_t pid = 0;
  std::string label = {};   // "owner/name@ref"
  std::string entry = {};   // what was loaded in it last
  std::string state = {};   // of its lifecycle
  std::uint64_t calls = 0;  // under way
  std::string sandbox = {};
  std::int64_t program_pid = 0;
  std::string program = {};  // its name
  std::uint64_t age_ms = 0;
  std::uint64_t idle_ms = 0;  // since it did anything
  std::uint64_t cpu_ms = 0;
  std::uint64_t private_bytes = 0;
  std::uint64_t shared_bytes = 0;
  std::uint64_t weights_bytes = 0;         // as in WorkerStatus
  std::uint64_t common_weights_bytes = 0;  // as in WorkerStatus

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid, label, entry, state, calls, sandbox, program_pid, program, age_ms, idle_ms, cpu_ms,
            private_bytes, shared_bytes, weights_bytes, common_weights_bytes);
  }
};

struct RunningSupervisor {
  static constexpr Tag kTag = Tag::RunningSupervisor;
  std::int64_t pid = 0;
  std::uint64_t age_ms = 0;
  std::uint64_t programs = 0;   // sessions
  std::uint64_t templates = 0;  // interpreters that have torch imported
  std::uint64_t private_bytes = 0;
  std::uint64_t weights_bytes = 0;  // in segments, each counted once
  bool is_draining = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pid, age_ms, programs, templates, private_bytes, weights_bytes, is_draining);
  }
};

struct Stopped {
  static constexpr Tag kTag = Tag::Stopped;
  template <class Archive>
  void serialize(Archive&) {}
};

enum class LogKind : std::uint8_t { Debug = 0, Info = 1, Warn = 2, Error = 3, Printed = 4 };

struct LogLine {
  static constexpr Tag kTag = Tag::LogLine;
  std::int64_t time_ms = 0;  // since the epoch
  LogKind kind = LogKind::Info;
  std::string worker = {};  // the label of the worker that it is about, or that printed it
  std::string text = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(time_ms, checked_enum(kind, LogKind::Printed), worker, text);
  }
};

struct LogEnd {
  static constexpr Tag kTag = Tag::LogEnd;
  template <class Archive>
  void serialize(Archive&) {}
};

}  // namespace hubcell::wire

// The options of a Hub, and so of the workers that it asks for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hubcell {

// Where what workers print goes, line by line.
enum class Output {
  Inherit,   // to this program's standard output and standard error, each to its own
  Prefixed,  // all to standard error, behind "[owner/name@ref] "
  Discard,   // nowhere; the last lines are kept for the error of a death
};

// How well workers are shut in.
enum class Sandbox {
  Best,     // as well as this machine can, and never less than Minimal
  Full,     // with user, network, IPC and mount namespaces too, or not at all: Error(Sandbox)
  Minimal,  // without namespaces
  Off,      // not at all: foreign code may do what this program may
};

// The options of the workers that a Hub asks for.
struct HubOptions {
  std::string python = {};  // interpreter; empty: HUBCELL_PYTHON, the active virtual environment, ...
  std::optional<std::uint64_t> seed =
      std::nullopt;                       // of Python, numpy and torch before the load; else random
  std::uint64_t memory_bytes = 0;         // budget of a worker; 0: what the machine has
  unsigned threads = 0;                   // torch's; 0: what an untouched process of the interpreter uses
  std::chrono::milliseconds deadline{0};  // of every call and load; 0: none
  Output output = Output::Inherit;
  // Where checkouts lie, a full path; empty: $TORCH_HOME/hub, $XDG_CACHE_HOME/torch/hub, ~/.cache/torch/hub.
  std::string hub_folder = {};
  Sandbox sandbox = Sandbox::Best;
  // Files and folders (of this program's working folder, or full paths) that workers may read, and write, beside their own.
  std::vector<std::string> allow_read = {};
  std::vector<std::string> allow_write = {};
  // What the scratch folder of a worker may hold, in memory where the sandbox has mount namespaces; 0: 4 GiB.
  std::uint64_t scratch_bytes = 0;
  // Workers see a copy of their checkout, in their scratch folder, which they may write. It ends with them.
  bool writable_checkout = false;
  // Hosts of which workers may have files fetched at any time, and not only while they load: what they ask for can carry
  // the inputs of calls there.
  std::vector<std::string> allow_net = {};
  // A lock file (JSON): the commits and files that this Hub uses. What is in it already may not be anything else: Error(Source).
  // Made where it is missing.
  std::string lock = {};
  // The socket of a shared supervisor (hubcell/serve.h), which is used if it answers; empty: none; nothing: shared_socket().
  std::optional<std::string> socket = std::nullopt;
  // Workers note what foreign code does beyond its own files: Hub::observed. It costs time at each of these.
  bool observe = false;
  // Workers that each load gets, alike and with the same weights, which are in memory once: a call goes to the one with the fewest
  // in flight. More than one only for models that are `stateless`: that keep nothing between calls. Random numbers that calls draw
  // are a worker's own, unless CallOptions::state brings the caller's.
  unsigned replicas = 1;
  bool stateless = false;
  // Told what takes long while a load resolves and fetches: "fetch snakers4/silero-vad v6.0", done and total
  // in bytes (0: unknown).
  std::function<void(const std::string& what, std::uint64_t done, std::uint64_t total)> progress = nullptr;
  // Called now and then, at least ten times a second, by every thread that waits for an answer. What it throws ends the wait,
  // and gives up the call.
  std::function<void()> poll = nullptr;
};

}  // namespace hubcell

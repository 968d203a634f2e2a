// Calls of a model in a file, so that yesterday's traffic can be asked again of today's branch.
//
// The file is a safetensors file, which any program that knows the format reads. A call is a tensor `call-000007` of bytes, JSON text that
// holds its method, its arguments and its answer (or what it raised), and one tensor `call-000007/arguments/0`, `call-000007/answer/0`, ...
// for each tensor in them. tools/compare/traffic/call_text.h has the JSON, tools/compare/traffic/safetensors.h how the file grows.
//
// A recording is read as untrusted input: what does not fit together is one Error(Usage) that names the file.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/object.h>
#include <hubcell/value_difference.h>

namespace hubcell::compare {

// What can be called like a model: an Object, or what stands for one. An empty method is the model itself.
using Callee = std::function<Value(const std::string& method, Arguments arguments, Keywords keywords,
                                   CallOptions options)>;
Callee calls_of(const Object& object);

// What a call raised: "ValueError" or "net.Refused" of foreign code, else the name that hubcell's exception has in Python, "WorkerDied"; and its message.
struct CallFailure {
  std::string type;
  std::string message;
};
CallFailure failure_of(const Error& error);

// ---- writing

struct RecorderOptions {
  // Beyond either, recording stops; the model goes on. Bytes are those of the whole file.
  std::uint64_t bytes_max = std::uint64_t{4} << 30;
  std::uint64_t calls_max = 100'000;
  bool overwrite = false;  // a file that is there; else that is Error(Usage)
  // What is said of the model, in the file's `__metadata__`.
  std::vector<std::pair<std::string, std::string>> description = {};
  // Told once that recording stopped and why, and once that a call could not be written. On the thread of a call, without a lock.
  std::function<void(const std::string&)> warn = nullptr;
  // Room for the header at first; a header that outgrows it is moved into a file with twice as much.
  std::uint64_t header_bytes = std::uint64_t{64} << 10;
};

struct RecorderCounts {
  std::uint64_t calls = 0;    // written
  std::uint64_t skipped = 0;  // that could not be: they hold handles, or too much structure
  std::uint64_t bytes = 0;    // of the file
  std::string stopped;        // why nothing is written any more; empty while it is
};

// Writes calls into one file, in the order in which they were answered. Any thread may use it. A process that is killed leaves a file that
// `Recording` reads up to the last whole call. A forked child records nothing.
class Recorder {
 public:
  // A call that has begun: its arguments as they were then. Dropping one writes nothing.
  class Begun;

  // Error(System) where the file cannot be made.
  explicit Recorder(const std::string& path, RecorderOptions options = {});
  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();

  // Calls `model`, writes the call, and gives on what it answered or threw.
  Value call(const Callee& model, const std::string& method, Arguments arguments = {}, Keywords keywords = {},
             CallOptions options = {});

  // The same in two steps, for who calls the model otherwise. Copies the tensors. Null where the call is not going to be written.
  // `state` is CallOptions::state.
  std::shared_ptr<Begun> begin(const std::string& method, const Arguments& arguments,
                               const Keywords& keywords, const Value& state);
  // `drew`: the call moved a random state, so that one who repeats it needs the state that it began with.
  void answered(Begun& call, const Value& answer, bool drew);
  void raised(Begun& call, const CallFailure& failure, bool drew);
  // Counts a call that cannot be written, and says so the first time.
  void skip(const std::string& why);

  RecorderCounts counts() const;
  // Nothing is written afterwards.
  void close();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// ---- reading

struct RecordedCall {
  std::uint64_t number = 0;  // of the recording, in the order of the answers
  std::string method;        // empty: the model itself
  Arguments arguments;
  Keywords keywords;
  Value state;  // CallOptions::state; None unless the call drew random numbers, or ran under autocast
  Value answer;
  std::optional<CallFailure> failure;  // in place of an answer
  double time = 0;                     // when it began, in seconds since the epoch
  double seconds = 0;                  // that it took
};

// A file of calls that is open; copies share it. Any thread may use it. A recorder may go on writing meanwhile: what it writes later is not
// seen.
class Recording {
 public:
  // Error(System) where the file cannot be read, Error(Usage) where it is no recording.
  static Recording open(const std::string& path);

  std::size_t size() const;
  // Reads it: 0 is the first one of all.
  RecordedCall call(std::size_t index) const;
  // `__metadata__` of the file: RecorderOptions::description, where no other program has written the file again.
  const std::vector<std::pair<std::string, std::string>>& description() const;
  // Behind the last whole call, of a call that was being written when its process was killed.
  std::uint64_t tail_bytes() const;

 private:
  struct File;
  explicit Recording(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  std::shared_ptr<const File> file_;
};

// ---- asking again

struct ReplayedCall {
  std::uint64_t number = 0;
  std::string method;
  // Recorded, and now.
  std::array<std::optional<CallFailure>, 2> failure;
  std::array<double, 2> seconds{};
  std::optional<ValueDifference> difference;  // where both answered
  // Calls that raised are equal where both raised the same type.
  bool equal() const;
  bool within() const;
};

struct ReplayOptions {
  Tolerance tolerance = {};
  std::size_t calls_max = 0;  // 0: all
  CallOptions call = {};      // deadline, grad; the state is the recorded one
};

struct ReplayResult {
  std::vector<ReplayedCall> calls;
  std::size_t equal = 0, within = 0;  // calls
  std::size_t failed = 0;             // raised now, and not then
  double max_abs = 0;                 // infinite where structures differ
  std::array<double, 2> seconds{};    // of all: recorded, and now
};

// Calls `model` with what was recorded, one call after the other, and compares the answers.
ReplayResult replay(const Recording& recording, const Callee& model, const ReplayOptions& options = {});

}  // namespace hubcell::compare

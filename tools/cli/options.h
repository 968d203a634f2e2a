// The command line of `hubcell`, read: which command, on what, how. Nothing is started here.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/options.h>
#include <hubcell/serve.h>
#include <hubcell/value_difference.h>

#include "tools/cli/pick.h"
#include "tools/cli/spec.h"
#include "tools/compare/numbers/condition.h"

namespace hubcell::cli {

enum class Command {
  List,
  Help,
  Run,
  Compare,
  Bisect,
  Permissions,
  Doctor,
  Fetch,
  Cache,
  Trust,
  Serve,
  Ps,
  Top,
  Logs,
  Stop
};

struct Options {
  Command command = Command::Doctor;
  std::string repository;
  std::string entry;
  std::string action;              // of `cache` and `trust`: ls, rm, ...
  std::vector<std::string> names;  // of theirs; of `stop` and `logs`: workers

  // Of the repository.
  bool trust = false;
  bool force_reload = false;
  std::string lock_path;  // --lock
  Sandbox sandbox = Sandbox::Best;
  std::vector<std::string> allow_read;
  std::vector<std::string> allow_write;
  std::vector<std::string> allow_net;  // hosts

  // Of the workers.
  std::string python;
  std::optional<std::uint64_t> seed;
  std::uint64_t memory_bytes = 0;   // 0: no budget
  std::uint64_t scratch_bytes = 0;  // 0: the library's default
  bool writable_checkout = false;
  std::chrono::milliseconds deadline{0};  // 0: none
  unsigned threads = 0;                   // 0: the interpreter's own number

  // Of `serve`, and its socket of those that ask it.
  ServeOptions serve;
  bool follow = false;                       // `logs`
  std::chrono::milliseconds interval{1000};  // `top`: between two looks
  std::uint64_t looks = 0;                   // `top`: so many; 0: until it is ended

  // Of the output.
  bool json = false;
  bool verbose = false;
  bool quiet = false;
  bool no_progress = false;

  // Of `run`.
  std::vector<NamedArgument> arguments;  // -a
  std::vector<CallInput> inputs;         // -x
  std::string method;                    // --call
  std::vector<Step> pick;
  std::size_t topk = 0;  // 0: not asked for
  std::string labels_path;
  std::optional<std::uint64_t> input_seed;
  bool train = false;
  std::string output_path;  // -o

  // Of `compare` and `bisect`, beside those of `run`.
  std::string other;  // the second repository; "@ref": another ref of the first
  compare::Tolerance tolerance;
  std::optional<compare::Condition> fail_if;

  // Of `compare`.
  std::array<std::string, 2> python_of = {};  // of each side; empty: --python
  std::string inputs_path;                    // --inputs
  std::size_t count = 1;                      // of inputs that are made
  std::string reset;                          // a method, before each input
  double confidence = 0.95;
  std::size_t rounds = 200;
  std::vector<std::string> skip;  // parts
  std::string html_path;
  std::string command_text;  // as it was typed

  // Of `bisect`.
  unsigned jobs = 1;  // commits at a time
};

// What the command line comes to: options to go on with, or an exit code and its text.
struct Parsed {
  Options options;
  std::optional<int> exit_code =
      std::nullopt;  // --help, --version: 0, `text` for stdout; wrong usage: 2, for stderr
  std::string text = {};
};

Parsed parse_command_line(int count, const char* const* words);

// "30s", "500ms", "2m"; a bare number counts seconds. Throws UsageError, which names `option`.
std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text);
// "4GiB", "512MB"; a bare number counts bytes. Throws UsageError, which names `option`.
std::uint64_t parse_bytes(const std::string& option, const std::string& text);

}  // namespace hubcell::cli

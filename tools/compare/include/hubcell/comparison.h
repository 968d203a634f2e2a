// What a comparison of two models found out: plain data, which reports show (text, JSON, HTML) and conditions are asked of.
//
// Side A is the one that is measured against, B the one that is looked at: ratios are B over A, differences B minus A. What could not be
// found out is absent, and says why: no figure here is invented. Text that came from foreign code (names of modules, of classes, messages,
// docstrings) is as it came: whoever shows it makes it harmless.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/history.h>
#include <hubcell/object.h>
#include <hubcell/value_difference.h>

namespace hubcell::compare {

// An estimate and what it may be instead, at the level that Comparison::confidence says. A limit that the samples cannot give is infinite.
struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

// ---- the two sides

struct Side {
  std::string name = {};   // as the caller wrote it: "snakers4/silero-vad@v5.1"
  std::string label = {};  // what tells it from the other in a table: "v5.1", or "A"
  std::string entry = {};
  ModelInfo info = {};                         // empty where it did not load
  std::string signature = {};                  // of the entrypoint: "(pretrained=True, **kwargs)"
  std::string docstring = {};                  // of the entrypoint
  std::vector<std::string> dependencies = {};  // hubconf's own list
  std::optional<double> load_s =
      {};  // from nothing to a loaded model: fetched already, worker started, entrypoint run
  std::string failure = {};  // why there is no model of it; empty where there is one
};

// ---- what calls answered

// The classes that one answer ranks highest, best first.
struct Ranking {
  std::vector<std::int64_t> best = {};
  std::vector<double> scores = {};
};

// A small picture of an input, for people.
struct Preview {
  enum class Kind { None, Image, Series };
  Kind kind = Kind::None;
  std::uint32_t width = 0, height = 0;  // of an image: RGB, row by row
  std::vector<std::uint8_t> pixels = {};
  // Of a series (a sound, a time series): the least and the largest of each of its parts, in order.
  std::vector<float> lows = {};
  std::vector<float> highs = {};
  double length = 0;  // elements of the series
};

// One call of each side with the same arguments.
struct InputResult {
  std::string name = {};                               // "chunk 17", "cat/001.png", "rand:1x512 seed 3"
  std::string summary = {};                            // "float32 [1, 512], 16000"
  std::array<std::string, 2> failure = {};             // the error of a call; empty where it answered
  std::optional<ValueDifference> difference = {};      // where both answered
  std::array<std::optional<Ranking>, 2> ranking = {};  // of class scores
  std::optional<std::int64_t> label = {};
  Preview preview = {};
  bool answered() const { return failure[0].empty() && failure[1].empty(); }
};

// ---- classes

struct Proportion {
  std::uint64_t hits = 0, count = 0;
  Interval share = {};  // Wilson's score interval
};

struct ClassResult {
  std::size_t k = 5;               // of the top-k figures
  Proportion top1_agreement = {};  // inputs of which both rank the same class first
  double topk_overlap = 0;         // mean share of classes that are among the first k of both
  // With labels.
  std::array<std::optional<Proportion>, 2> accuracy = {};  // top-1
  std::array<std::optional<Proportion>, 2> topk_accuracy = {};
  std::uint64_t only_a_right = 0, only_b_right = 0;  // the pairs that McNemar's test looks at
  std::optional<Interval> accuracy_difference =
      {};                                // B - A, of paired proportions (Newcombe 1998, method 10)
  std::optional<double> mcnemar_p = {};  // two-sided, exact
};

// ---- modules

// A module that both sides have, or one.
struct ModuleDifference {
  std::string name = {};                      // "layer3.0.conv2"; "" is the model itself
  std::array<std::string, 2> type = {};       // "Conv2d"; empty where it is missing
  std::uint64_t calls = 0;                    // that were compared
  std::uint32_t depth = 0;                    // dots in its name, plus one; 0 of the model itself
  std::optional<ValueDifference> worst = {};  // of its calls; none where none was compared
  std::string note = {};  // why it was not compared, or not wholly: "called 3 times and 4 times"
};

struct TraceResult {
  std::vector<ModuleDifference> modules =
      {};  // of those that ran: in the order in which they ended on side A; then those of B alone
  // Index in `modules` of the one whose own code or weights make the first difference: the innermost whose arguments were equal and whose
  // output is not. None where none differs.
  std::optional<std::size_t> first = {};
  // Where it is seen already in what that module passes to one inside it: that one's name.
  std::optional<std::string> first_passes_to = {};
  std::array<std::vector<std::string>, 2> only =
      {};  // names of modules that the other side has not, run or not
  std::vector<std::string> silent =
      {};                  // modules of both that did not run, or whose calls nobody sees (TorchScript)
  std::string input = {};  // which one it was made with
  std::string note =
      {};  // what could not be seen: "model is TorchScript: what runs inside it cannot be seen"
};

// ---- weights

enum class WeightChange { Equal, Changed, OnlyA, OnlyB, Reshaped };

struct WeightDifference {
  std::string name = {};  // in the state dict
  WeightChange change = WeightChange::Equal;
  std::array<std::string, 2> dtype = {};
  std::array<std::vector<std::int64_t>, 2> shape = {};
  bool one_memory = false;   // both workers have the very same pages
  double change_norm = 0;    // Euclidean, of b - a
  double relative_norm = 0;  // that over the norm of a; infinite where a is zero
  double changed_share = 0;  // of the elements, 0 to 1
  double max_abs = 0;
};

struct WeightsResult {
  std::vector<WeightDifference> weights = {};  // in A's order, then those of B alone
  std::array<std::uint64_t, 2> parameters{};   // elements of parameters; buffers are not counted
  std::array<std::uint64_t, 2> bytes{};        // of parameters and buffers
  std::uint64_t common_bytes = 0;              // in one memory
  std::string note = {};  // why there is none: "what the entrypoint returned has no state_dict"
  std::size_t count(WeightChange change) const;
};

// ---- speed and memory

struct Latency {                     // of a call, in seconds
  std::vector<double> samples = {};  // in order; of two calls of one round one after the other
  Interval p50, p90, p99;
};

struct SpeedResult {
  std::array<Latency, 2> latency = {};
  std::size_t rounds = 0;  // of A B B A or B A A B
  // B over A: the median of the rounds' ratios, and its interval. The difference is taken for real where that does not hold 1.
  Interval ratio = {};
  std::string note = {};  // why there is none
  bool differs() const { return ratio.low > 1 || ratio.high < 1; }
};

// ---- code

struct CodeResult {
  std::string merge_base = {};           // empty where there is none
  std::uint64_t only_a = 0, only_b = 0;  // commits that only one of them has in its history
  std::vector<Commit> commits = {};  // that only one of them has in its history, newest first: the first 200
  std::array<std::optional<Commit>, 2> tip = {};
  std::vector<FileChange> files = {};
  std::uint64_t files_changed = 0, lines_added = 0,
                lines_removed = 0;  // of all, also where `files` is bounded
  std::string note = {};            // why there is none: "the sides are of two repositories"
};

// ---- all of it

struct Comparison {
  std::array<Side, 2> sides = {};
  Tolerance tolerance;
  double confidence = 0.95;  // of every interval
  std::vector<InputResult> inputs = {};
  std::optional<ClassResult> classes = {};
  std::optional<TraceResult> trace = {};
  std::optional<WeightsResult> weights = {};
  std::optional<SpeedResult> speed = {};
  std::optional<CodeResult> code = {};
  bool interrupted = false;  // what was not found out by then is absent
  std::vector<std::string> warnings = {};
  std::string command = {};  // that repeats it; empty of a library call
  std::int64_t time = 0;     // when it was made, in seconds since the epoch
  std::string machine = {};  // "AMD EPYC, 2 CPUs, Linux 6.1"

  bool failed() const;  // a side did not load, or a call failed
  bool equal() const;   // every answer, and nothing failed
  bool within() const;
};

}  // namespace hubcell::compare

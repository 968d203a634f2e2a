// What a comparison says, before anybody decides how it looks: the verdict in clauses, the answers summed up per place, and what is worth
// showing first. Text and page take it from here, so that they cannot contradict each other.
//
// Names of foreign code in these texts are as they came.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/comparison.h>

namespace hubcell::compare {

enum class Outcome { Failed, Nothing, Equal, Within, Differ };

struct Verdict {
  Outcome outcome = Outcome::Nothing;
  std::string headline;              // "differ: max |b-a| 0.31 over 94 inputs"
  std::vector<std::string> clauses;  // "first in module decoder.rnn", "B is 1.4x faster (95 %: 1.31 to 1.52)"
};
Verdict verdict_of(const Comparison& comparison);
// "differ"
std::string word_of(Outcome outcome);

// Inputs by what became of them.
struct InputCounts {
  std::uint64_t equal = 0, within = 0, differ = 0, failed = 0;
  std::uint64_t structure = 0;  // of those that differ: whose answers have not the same form
  std::uint64_t all() const { return equal + within + differ + failed; }
};
InputCounts count_inputs(const Comparison& comparison);
// "12 equal, 3 within tolerance, 35 differ"
std::string counts_text(const InputCounts& counts);

// The tensors at one place of all answers.
struct PathSummary {
  std::string path;
  std::array<std::string, 2> dtype;  // of the first; a later one that is another counts as `mixed`
  bool mixed = false;
  std::uint64_t inputs = 0, equal = 0, within = 0;  // `within` counts those that are equal, too
  double max_abs = 0, mean_abs = 0, max_rel = 0;    // the mean of all elements
  std::optional<std::uint64_t> max_ulp;
  std::optional<double> least_cosine;
  std::array<std::uint64_t, 2> nan{}, infinite{};
};
// In the order in which the answers have them; the first kPathsMax.
constexpr std::size_t kPathsMax = 1000;
std::vector<PathSummary> sum_up_paths(const Comparison& comparison);

// Indices of inputs that failed or whose answers are not equal, the worst first: failures, then by max |b-a|.
std::vector<std::size_t> worst_inputs(const Comparison& comparison);
// The tensor that lies farthest apart; null where there is none.
const TensorDifference* worst_tensor(const ValueDifference& difference);
// How far apart, for ranking and drawing: NaN counts as infinite.
double distance_of(double max_abs);
double distance_of(const InputResult& input);
// Of the inputs that both answered.
double largest_difference(const Comparison& comparison);

// Of modules whose outputs were compared.
struct ModuleCounts {
  std::uint64_t compared = 0, differ = 0;
};
ModuleCounts count_modules(const TraceResult& trace);
// Whether there is a first module that differs.
bool has_first(const TraceResult& trace);
// Behind the name of the first module: ", in what it passes to layer1.conv1", where that is so.
std::string place_in_first(const TraceResult& trace);

// Indices of modules whose output grew away from that of any before: the steps of the way from the first to the last.
std::vector<std::size_t> growing_modules(const TraceResult& trace);
bool differs(const ModuleDifference& module);
// "decoder.rnn", or "the model itself"
std::string name_of(const ModuleDifference& module);

// Indices of weights that are not equal: those of one side and of other shapes first, then by relative change.
std::vector<std::size_t> changed_weights(const WeightsResult& weights);

// Indices of files, those with the most changed lines first.
std::vector<std::size_t> changed_files(const CodeResult& code);

// "B is 1.4x faster (95 %: 1.31 to 1.52)", "no difference in speed seen (...)"
std::string speed_clause(const Comparison& comparison);
std::string accuracy_clause(const Comparison& comparison);

// What differs between the sides before any code of the model runs.
struct DependencyChange {
  std::vector<std::string> only_a, only_b;
};
DependencyChange compare_dependencies(const Comparison& comparison);
bool code_differs(const Comparison& comparison);

}  // namespace hubcell::compare

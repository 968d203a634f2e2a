// Inputs of a comparison from files and recipes.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <hubcell/compare.h>

namespace hubcell::compare {

// An argument of every call: a value, or what a worker makes of a recipe or a file.
struct ArgumentSpec {
  std::string name;  // of a keyword; empty by position
  std::variant<Value, InputSpec> value;
};

struct InputPlan {
  std::vector<ArgumentSpec> arguments;  // after what comes from `path`
  // Where the inputs come from, one each: a folder of files (.npy .npz .pt .png .jpg .wav, by name), a folder of such folders (the classes, by
  // name: their places are the labels), or an .npz or .npy file, of which each row of the first dimension is an input, a batch of one. In an
  // .npz `labels` (integers) are the labels, `arr_0` and so on, or a single array, arguments by position, others by name.
  std::string path;
  std::size_t count = 1;   // without a path: as many sets of `arguments`, each from a seed of its own
  std::uint64_t seed = 0;  // of the first
  std::vector<std::int64_t> labels;  // in the order of inputs; or empty
};

// The content of a file that an input is made of. Throws Error(System) where there is none.
std::string read_input_file(const std::string& path);

// Files are read here, and turned into tensors by the worker of `repository`, when they are needed. Throws Error(System) on files that cannot
// be read, Error(Usage) on what makes no inputs.
InputSet plan_inputs(Hub& hub, const std::string& repository, InputPlan plan);

// One integer a line. Throws Error(System), Error(Usage).
std::vector<std::int64_t> read_class_labels(const std::string& path);

}  // namespace hubcell::compare

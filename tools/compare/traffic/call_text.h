// Values as JSON text and tensors beside it, for files of calls.
//
// None, bools, ints, floats, texts and lists are JSON's own; every other value is an object whose first key says what it is:
// {"tuple": [1, 2]}, {"dict": [["key", 3]]}, {"tensor": "answer/0", "dtype": "float32", "shape": [1, 10]}, which names one of the tensors of
// its call. What JSON cannot say is bytes in hexadecimal: {"hex": "ff00"} for a text that is no UTF-8.
//
// Reading distrusts: kinds, depth, numbers, dtypes, shapes and strides are checked, and the tensors are the file's matter.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include <hubcell/value.h>

#include "tools/compare/traffic/safetensors.h"

namespace hubcell::compare {

using Json = nlohmann::ordered_json;

// Notes every tensor under the name "`section`/0", "`section`/1", ...: tensors that are one are noted once.
class ValueWriter {
 public:
  explicit ValueWriter(std::string section) : section_(std::move(section)) {}
  // Throws Error(Usage) of a handle, whose object stays in its worker, and of what is nested deeper than is read.
  Json write(const Value& value);
  // With the strides that they have; not copied.
  std::vector<NewTensor>& tensors() { return tensors_; }

 private:
  friend struct KindWriter;
  std::string section_;
  std::vector<NewTensor> tensors_;
  std::unordered_map<const void*, std::size_t> indices_;  // of the tensors, by what holds them
  int depth_ = 0;
};

// The elements of the tensor of that name, in row-major order: memory of `bytes`, or Error(Usage).
using FindTensor = std::function<std::shared_ptr<std::byte[]>(const std::string& name, std::size_t bytes)>;

// Throws Error(Usage).
Value read_value(const Json& json, const FindTensor& find_tensor);

}  // namespace hubcell::compare

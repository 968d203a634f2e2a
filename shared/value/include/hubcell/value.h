// The values that travel between a caller and a worker: Python's plain values, tensors, and handles of
// whatever stays in the worker.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <hubcell/tensor.h>

namespace hubcell {

class Value;

struct None {
  bool operator==(const None&) const = default;
};
struct Bytes {
  std::string data;
};
struct List {
  std::vector<Value> items;
};
struct Tuple {
  std::vector<Value> items;
};
// In the order of insertion, as in Python. Keys are any value that Python can hash.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
};

// Names an object that stays in its worker. `lease` lets the worker drop the object when the last copy is
// gone; a handle without one (in a value that was built by hand) names nothing.
struct Handle {
  std::uint64_t id = 0;
  std::string class_name;  // "module.Name", as the worker said: text for people, nothing more
  bool is_callable = false;
  bool is_module = false;  // a torch.nn.Module
  std::shared_ptr<void> lease;
};

class Value {
 public:
  using Variant =
      std::variant<None, bool, std::int64_t, double, std::string, Bytes, List, Tuple, Dict, Tensor, Handle>;

  Value() = default;
  Value(None) {}
  Value(bool flag) : variant_(flag) {}
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Value(Integer number) : variant_(static_cast<std::int64_t>(number)) {}
  template <std::floating_point Real>
  Value(Real number) : variant_(static_cast<double>(number)) {}
  Value(const char* text) : variant_(std::string(text)) {}
  Value(std::string text) : variant_(std::move(text)) {}
  Value(Bytes bytes) : variant_(std::move(bytes)) {}
  Value(List list) : variant_(std::move(list)) {}
  Value(Tuple tuple) : variant_(std::move(tuple)) {}
  Value(Dict dict) : variant_(std::move(dict)) {}
  Value(Tensor tensor) : variant_(std::move(tensor)) {}
  Value(Handle handle) : variant_(std::move(handle)) {}

  const Variant& variant() const { return variant_; }
  template <typename Kind>
  bool is() const {
    return std::holds_alternative<Kind>(variant_);
  }
  // The alternative, or Error(Usage): "expected a tensor, got a tuple of 2".
  template <typename Kind>
  const Kind& as() const {
    const Kind* found = std::get_if<Kind>(&variant_);
    if (found == nullptr) throw_wrong_kind(Value(Kind{}));
    return *found;
  }
  const Tensor& tensor() const { return as<Tensor>(); }
  const std::string& text() const { return as<std::string>(); }
  std::int64_t integer() const { return as<std::int64_t>(); }
  // A float, or an int as one.
  double real() const;
  // Elements of a list or tuple; Error(Usage) for others and for an index that is out of range.
  const Value& operator[](std::size_t index) const;
  std::size_t size() const;
  // The value of a dict under the key `name`, or null.
  const Value* find(const std::string& name) const;

  // "a tensor float32 [1, 10]", "a tuple of 2", "a handle of a silero.VAD": for messages.
  std::string describe() const;

 private:
  [[noreturn]] void throw_wrong_kind(const Value& expected) const;

  Variant variant_;
};

}  // namespace hubcell

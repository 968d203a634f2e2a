// The kinds of values that a hubcell::Value holds beside numbers and text: Python's containers and small
// types, and those of torch, numpy and PIL that travel as they are.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hubcell/tensor.h>

namespace hubcell {

class Value;

struct None {
  bool operator==(const None&) const = default;
};
// `...`, for an index.
struct Ellipsis {
  bool operator==(const Ellipsis&) const = default;
};
// An int that needs more than 64 bits, as Python's hex() writes it: "-0x1ffffffffffffffff".
struct BigInt {
  std::string hex;
};
struct Bytes {
  std::string data;
};
struct Range {
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::int64_t step = 1;
};
// pathlib.Path.
struct Path {
  std::string text;
};

// ---- containers. Copies of a Value that holds one share it, and it arrives as one object that is shared.

struct List {
  std::vector<Value> items;
};
struct Tuple {
  std::vector<Value> items;
};
// collections.namedtuple and torch.return_types. `type` is "module.Name"; where the receiver has no such type, it makes
// one of that name.
struct NamedTuple {
  std::string type;
  std::vector<std::string> fields;
  std::vector<Value> items;
};
// Elements are any value that Python can hash, and different from each other.
struct Set {
  std::vector<Value> items;
  bool is_frozen = false;
};
// In the order of insertion, as in Python. Keys are any value that Python can hash.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  bool is_ordered = false;  // collections.OrderedDict
};
// Three values: start, stop and step.
struct Slice {
  std::vector<Value> bounds;
};

// ---- torch

// torch.dtype, torch.layout, torch.memory_format or torch.qscheme, by the name that torch has for it: "float32",
// "channels_last".
struct TorchConstant {
  std::string name;
};
struct Device {
  std::string type;  // "cpu"
  std::optional<std::int64_t> index = std::nullopt;
};
// torch.Size.
struct Size {
  std::vector<std::int64_t> sizes;
};

// ---- numpy, PIL

// numpy.ndarray, of the dtypes that numpy has (no bfloat16, no float8).
struct Array {
  Tensor elements;
};
// A numpy scalar such as numpy.float32(1): its first item_bytes(dtype) bytes count.
struct Scalar {
  DType dtype = DType::Float64;
  alignas(16) std::array<std::byte, 16> bytes{};
};
// PIL.Image.Image.
struct Image {
  std::string mode;  // "RGB", "L", ...
  std::int64_t width = 0;
  std::int64_t height = 0;
  Tensor pixels;  // uint8 of one dimension: what Image.tobytes() gives
  // Of mode "P": its colours, as getpalette() gives them in `palette_mode`, "RGB" say.
  std::string palette_mode = {};
  Bytes palette = {};
};

// ---- what does not travel as it is

// A copy of a file for the worker, which gets the path (a str) of the copy in its scratch folder. It stays
// there until the worker ends.
struct File {
  std::string name;  // without folders
  Tensor content;    // uint8 of one dimension
  // Reads a file of this machine into memory. Throws Error(System).
  static File read(const std::string& path);
};

// Names an object that stays in its worker. `lease` lets the worker drop the object when the last copy is
// gone; a handle without one (in a value that was built by hand) names nothing.
struct Handle {
  std::uint64_t id = 0;
  std::string class_name;  // "module.Name", as the worker said: text for people, nothing more
  bool is_callable = false;
  bool is_module = false;  // a torch.nn.Module
  std::string name = {};   // of a function or a method: "Net.forward"; as the worker said
  std::shared_ptr<void> lease;

  // How messages call it.
  const std::string& label() const { return name.empty() ? class_name : name; }
};

}  // namespace hubcell

// Python objects <-> hubcell values. Used by the worker, and by whatever else speaks Python on one side of a
// channel.
//
// Builtin containers and numbers are converted here, the kinds of torch, numpy and PIL with the help of kinds.py.
// Everything else is left to a hook: a worker keeps it and names it by a handle. What is shared within one conversion stays shared:
// objects arrive as one object, tensors that overlap as tensors that overlap. An object that holds itself
// is refused.
#pragma once

#include <hubcell/value.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "shared/python/torch_tensors.h"
#include "shared/value/identity_map.h"
#include "shared/value/value_codec.h"

namespace hubcell::python {

class Converter {
 public:
  struct Hooks {
    // Memory for the bytes of a tensor on its way out. Null: tensors are not copied, and keep their objects alive.
    std::function<MappedBlock(std::size_t bytes)> allocate_block;
    // Other memory that holds what these bytes do, and that the receiver can look into without a copy; null where there is none.
    // May be empty.
    std::function<MappedBlock(std::span<const std::byte> bytes)> find_shared = nullptr;
    // What stands for an object that no value can: `described` with an id, or what else this side knows of it.
    std::function<Value(PyObject* object, Handle described)> represent;
    // Throws Error(StaleHandle) where there is no such object.
    std::function<PyRef(const Handle& handle)> resolve_handle;
    // What takes a File's place: the path of a copy, as a str.
    std::function<PyRef(const File& file)> store_file;
  };
  // `folder` holds kinds.py.
  Converter(Hooks hooks, const std::string& folder);

  // Throws Error(Remote) where Python refuses (a dict key that cannot be hashed, say).
  PyRef to_python(const Value& value) const;
  // Throws Error(Usage) where `object` holds itself, is nested deeper, or has more parts, than one message may
  // (limits.h).
  Value to_value(PyObject* object) const;

  const TorchTensors& torch() const { return torch_; }

 private:
  friend class Incoming;
  friend class Outgoing;

  Hooks hooks_;
  TorchTensors torch_;
  PyRef kinds_;
  PyRef ordered_dict_;
  PyRef describe_;
};

// One conversion of several objects that may share parts, the arguments of a call say.
class Outgoing {
 public:
  explicit Outgoing(const Converter& converter);
  ~Outgoing();
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  // The tensors in the value are there after `place_tensors`.
  Value convert(PyObject* object);
  // Once, for all that was converted: tensors that share memory go into one block.
  void place_tensors();

 private:
  class Conversion;
  std::unique_ptr<Conversion> conversion_;
};

// The other way.
class Incoming {
 public:
  explicit Incoming(const Converter& converter) : converter_(converter) {}
  PyRef convert(const Value& value);

 private:
  PyRef make(const Value& value);
  PyRef make_list(const std::vector<Value>& items);
  PyRef make_tuple(const std::vector<Value>& items);
  PyRef make_named_tuple(const NamedTuple& tuple);
  PyRef make_set(const Set& set);
  PyRef make_dict(const Dict& dict);
  PyRef make_slice(const Slice& slice);
  PyRef make_size(const Size& size);
  PyRef make_array(const Tensor& elements);
  PyRef make_image(const Image& image);
  PyRef make_tensor(const Tensor& tensor);
  PyRef call_kind(const char* function, std::initializer_list<PyObject*> arguments) const;

  const Converter& converter_;
  IdentityMap<PyRef> shared_;
};

}  // namespace hubcell::python

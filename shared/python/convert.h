// Python objects <-> hubcell values. Used by the worker, and by whatever else speaks Python on one side of a
// channel.
//
// Plain values travel as they are: None, bool, int, float, str, bytes, list, tuple (named ones as their
// items), dict and its ordered sister, dense tensors. Everything else stays where it is and becomes a handle.
#pragma once

#include <hubcell/value.h>

#include <functional>

#include "shared/python/torch_tensors.h"
#include "shared/value/value_codec.h"

namespace hubcell::python {

class Converter {
 public:
  struct Hooks {
    // Memory for the bytes of a tensor on its way out.
    std::function<MappedBlock(std::size_t bytes)> allocate_block;
    // Keeps `object` and names it; class and kind of the handle are filled in here.
    std::function<Handle(PyObject* object)> make_handle;
    // Throws Error(StaleHandle) where there is no such object.
    std::function<PyRef(const Handle& handle)> resolve_handle;
  };
  explicit Converter(Hooks hooks);

  // Throws Error(Remote) where Python refuses (a dict key that cannot be hashed, say).
  PyRef to_python(const Value& value) const;
  // Throws Error(Usage) where `object` is nested deeper, or has more parts, than one message may
  // (limits.h).
  Value to_value(PyObject* object) const;

 private:
  class Outgoing;

  Hooks hooks_;
  TorchTensors torch_;
  PyRef ordered_dict_;
};

}  // namespace hubcell::python

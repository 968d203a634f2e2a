// The objects of a worker that callers hold handles of.
//
// Every handle that is given out is an entry of its own, so that releasing one never takes another's object.
// Ids grow and are never used again. How many there may be is bounded: a model that gives out more is refused here,
// with an error of that call, before its caller would have to take the worker for a liar.
#pragma once

#include <hubcell/value.h>

#include <map>

#include "shared/python/py_ref.h"
#include "shared/wire/limits.h"

namespace hubcell::worker {

class ObjectTable {
 public:
  explicit ObjectTable(std::size_t objects_max = wire::kHandlesMax) : objects_max_(objects_max) {}

  // Keeps `object`; its id. Throws Error(Usage) where the table is full.
  std::uint64_t add(PyObject* object);
  // Throws Error(StaleHandle) where there is no such object.
  python::PyRef find(std::uint64_t id) const;
  // Unknown ids are ignored: the caller may have been told of an object's end already.
  void release(std::uint64_t id);

  // The id that the next object will have; with `release_from`, what an answer added can be taken back.
  std::uint64_t next_id() const { return next_id_; }
  void release_from(std::uint64_t id);
  std::size_t size() const { return objects_.size(); }

 private:
  std::map<std::uint64_t, python::PyRef> objects_;
  std::size_t objects_max_;
  std::uint64_t next_id_ = 1;
};

}  // namespace hubcell::worker

// The objects of a worker that callers hold handles of.
//
// Every handle that is given out is an entry of its own, so that releasing one never takes another's object.
// Ids grow and are never used again.
#pragma once

#include <hubcell/value.h>

#include <map>

#include "shared/python/py_ref.h"

namespace hubcell::worker {

class ObjectTable {
 public:
  // Keeps `object`; only the id of the handle is filled in.
  Handle add(PyObject* object);
  // Throws Error(StaleHandle) where there is no such object.
  python::PyRef find(std::uint64_t id) const;
  // Unknown ids are ignored: the caller may have been told of an object's end already.
  void release(std::uint64_t id);

  // The id that the next object will have; with `release_from`, what an answer added can be taken back.
  std::uint64_t next_id() const { return next_id_; }
  void release_from(std::uint64_t id);

 private:
  std::map<std::uint64_t, python::PyRef> objects_;
  std::uint64_t next_id_ = 1;
};

}  // namespace hubcell::worker

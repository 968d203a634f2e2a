#include "worker/objects/object_table.h"

#include <hubcell/error.h>

#include <string>

namespace hubcell::worker {

std::uint64_t ObjectTable::add(PyObject* object) {
  if (objects_.size() >= objects_max_) {
    throw Error(ErrorCode::Usage, "this program holds " + std::to_string(objects_.size()) +
                                      " objects of the worker already; drop some");
  }
  objects_.emplace(next_id_, python::PyRef::borrow(object));
  return next_id_++;
}

python::PyRef ObjectTable::find(std::uint64_t id) const {
  const auto found = objects_.find(id);
  if (found == objects_.end()) {
    throw Error(ErrorCode::StaleHandle,
                "use object " + std::to_string(id) + ": it was released, or belongs to another worker");
  }
  return found->second;
}

// An object's end may run foreign code that comes back here: the entry is out of the table first.
void ObjectTable::release(std::uint64_t id) {
  const auto entry = objects_.extract(id);
}

void ObjectTable::release_from(std::uint64_t id) {
  while (!objects_.empty() && objects_.rbegin()->first >= id)
    release(objects_.rbegin()->first);
}

}  // namespace hubcell::worker

// A repository's hubconf.py, as torch.hub treats it: the C++ face of the Python files beside it.
//
// Everything throws Error(Remote) with what Python raised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/python/py_ref.h"

namespace hubcell::worker {

class HubModule {
 public:
  // Loads our Python files from `folder`; nothing of the `checkout` runs yet. Seeds all random states: from
  // `seed`, else from the system, so that no two workers draw the same numbers. `bytecode`: the archive of the checkout's code
  // (bytecode.py), or empty.
  HubModule(const std::string& folder, const std::string& checkout, std::optional<std::uint64_t> seed,
            const std::string& bytecode);
  // What torch.hub, urllib.request and requests fetch in this process comes from the two functions of supplies.h from now
  // on.
  void supply(python::PyRef want_file, python::PyRef want_repository) const;
  // Before `supply`: what foreign code does beyond the paths of its own is noted from now on (observer.py).
  void observe(const std::vector<std::string>& own, const std::string& scratch);

  // A list of str.
  python::PyRef list() const;
  // `name`: "", "entry" or "entry.method".
  python::PyRef help(const std::string& name) const;
  python::PyRef docstring(const std::string& name) const;
  // A list of str.
  python::PyRef dependencies() const;
  // `arguments` is a tuple, `keywords` a dict.
  python::PyRef load(const std::string& entry, PyObject* arguments, PyObject* keywords) const;
  // `specs`: a list of str and of (file name, uint8 tensor of its content); `seed` an int or None.
  python::PyRef make_inputs(PyObject* seed, PyObject* specs) const;
  // What was noted: a list of (kind, what, why it was refused or ""). Throws Error(Usage) where nothing is.
  python::PyRef observed() const;

 private:
  python::PyRef module_;
  python::PyRef hub_;
  python::PyRef inputs_;
  python::PyRef downloads_;
  python::PyRef observer_;  // null where nothing is noted
  const std::string folder_;
};

}  // namespace hubcell::worker

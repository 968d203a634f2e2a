// The Python side of starting a template and a worker (process.py), called from C++.
#pragma once

#include <string>
#include <vector>

#include "shared/python/py_ref.h"

namespace hubcell::worker {

class PythonSteps {
 public:
  // Imports torch. Throws Error(Usage) with what the interpreter lacks.
  explicit PythonSteps(const std::string& folder);

  const std::string& python_version() const { return python_version_; }
  const std::string& torch_version() const { return torch_version_; }
  // What tells its bytecode from that of other Pythons.
  const std::string& bytecode_tag() const { return bytecode_tag_; }
  // What foreign code may read beside its checkout; found before any of it ran.
  const std::vector<std::string>& readable_paths() const { return readable_paths_; }
  // In a forked child that has no order yet: what every worker does first is done once, so that its pages are there.
  void rehearse() const;
  // In a forked child, before the sandbox, which one thread alone can enter. `on_interrupt` is called for SIGINT, in Python's
  // way.
  void prepare_worker(PyObject* on_interrupt) const;
  // In the sandbox, where the scratch folder is empty: it becomes the working folder, the home and the place of temporary files.
  // `threads`: torch's; 0: as in an untouched process.
  void furnish(const std::string& scratch, unsigned threads) const;
  // Copies what lies in `checkout` to the new folder `target`. Throws Error(System).
  void copy_checkout(const std::string& checkout, const std::string& target) const;

 private:
  python::PyRef module_;
  python::PyRef hub_module_;
  std::string python_version_;
  std::string torch_version_;
  std::string bytecode_tag_;
  std::vector<std::string> readable_paths_;
  long threads_ = 1;
};

}  // namespace hubcell::worker

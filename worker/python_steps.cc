#include "worker/python_steps.h"

#include <hubcell/error.h>

#include "shared/python/exception.h"
#include "shared/python/object.h"

namespace hubcell::worker {
namespace {

using python::PyRef;

PyRef load_process_file(const std::string& folder) {
  return python::load_source_file("hubcell_process", folder + "/process.py");
}

}  // namespace

PythonSteps::PythonSteps(const std::string& folder) : module_(load_process_file(folder)) {
  PyRef versions;
  try {
    versions = python::call(python::attribute(module_.get(), "prepare_template").get());
  } catch (const Error& failure) {
    throw Error(ErrorCode::Usage, failure.remote() ? failure.remote()->message : failure.what());
  }
  python_version_ = python::text_of(PyTuple_GetItem(versions.get(), 0));
  torch_version_ = python::text_of(PyTuple_GetItem(versions.get(), 1));
  threads_ = PyLong_AsLong(PyTuple_GetItem(versions.get(), 2));
  const PyRef paths = python::call(python::attribute(module_.get(), "readable_paths").get());
  for (Py_ssize_t i = 0; i < PyList_Size(paths.get()); ++i)
    readable_paths_.push_back(python::text_of(PyList_GetItem(paths.get(), i)));
  // What fails above is no refusal. Workers have it from here, by the fork.
  const PyRef refusals = python::load_source_file("hubcell_refusals", folder + "/refusals.py");
  python::set_hints(python::attribute(refusals.get(), "hint_of"));
  // So that no worker reads and compiles them, into memory of its own.
  for (const char* name :
       {"bytecode", "caller_state", "downloads", "hub", "inputs", "kinds", "operations", "trace", "weights"})
    python::load_source_file(std::string("hubcell_") + name, folder + "/" + name + ".py");
  hub_module_ = python::load_source_file("hubcell_hub", folder + "/hub.py");
  const PyRef bytecode = python::load_source_file("hubcell_bytecode", folder + "/bytecode.py");
  bytecode_tag_ = python::text_of(python::call(python::attribute(bytecode.get(), "tag").get()).get());
  const PyRef downloads = python::load_source_file("hubcell_downloads", folder + "/downloads.py");
  python::call(python::attribute(downloads.get(), "install").get(), {hub_module_.get()});
  python::call(python::attribute(module_.get(), "freeze").get());
}

void PythonSteps::rehearse() const {
  const PyRef seed = python::attribute(hub_module_.get(), "seed_random_states");
  python::call(python::attribute(module_.get(), "rehearse").get(), {seed.get()});
}

void PythonSteps::prepare_worker(PyObject* on_interrupt) const {
  python::call(python::attribute(module_.get(), "prepare_worker").get(), {on_interrupt});
}

void PythonSteps::furnish(const std::string& scratch, unsigned threads) const {
  const PyRef folder = python::make_text(scratch);
  const PyRef count = python::checked(PyLong_FromLong(threads == 0 ? threads_ : static_cast<long>(threads)));
  python::call(python::attribute(module_.get(), "furnish").get(), {folder.get(), count.get()});
}

void PythonSteps::copy_checkout(const std::string& checkout, const std::string& target) const {
  const PyRef from = python::make_text(checkout);
  const PyRef to = python::make_text(target);
  try {
    python::call(python::attribute(module_.get(), "copy_checkout").get(), {from.get(), to.get()});
  } catch (const Error& failure) {
    throw Error(ErrorCode::System, "copy the checkout " + checkout + " to the worker's scratch folder: " +
                                       (failure.remote() ? failure.remote()->message : failure.what()));
  }
}

}  // namespace hubcell::worker

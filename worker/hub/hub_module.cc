#include "worker/hub/hub_module.h"

#include "shared/python/object.h"

namespace hubcell::worker {

using python::attribute;
using python::call;
using python::make_text;
using python::PyRef;

HubModule::HubModule(const std::string& folder, const std::string& checkout,
                     std::optional<std::uint64_t> seed) {
  module_ = python::load_source_file("hubcell_hub", folder + "/hub.py");
  inputs_ = python::load_source_file("hubcell_inputs", folder + "/inputs.py");
  downloads_ = python::load_source_file("hubcell_downloads", folder + "/downloads.py");
  const PyRef seed_object =
      seed ? python::checked(PyLong_FromUnsignedLongLong(*seed)) : PyRef::borrow(Py_None);
  hub_ = call(attribute(module_.get(), "Hub").get(), {make_text(checkout).get(), seed_object.get()});
}

void HubModule::supply(PyObject* want_file, PyObject* want_repository) const {
  call(attribute(downloads_.get(), "install").get(), {module_.get(), want_file, want_repository});
  call(attribute(hub_.get(), "set_hints").get(), {attribute(downloads_.get(), "hint_of").get()});
}

PyRef HubModule::list() const {
  return call(attribute(hub_.get(), "list").get());
}

PyRef HubModule::docstring(const std::string& name) const {
  return call(attribute(hub_.get(), "docstring").get(), {make_text(name).get()});
}

PyRef HubModule::help(const std::string& name) const {
  return call(attribute(hub_.get(), "help").get(), {make_text(name).get()});
}

PyRef HubModule::load(const std::string& entry, PyObject* arguments, PyObject* keywords) const {
  return call(attribute(hub_.get(), "load").get(), {make_text(entry).get(), arguments, keywords});
}

PyRef HubModule::make_inputs(PyObject* seed, PyObject* specs) const {
  return call(attribute(inputs_.get(), "make_inputs").get(), {seed, specs});
}

}  // namespace hubcell::worker

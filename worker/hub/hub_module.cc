#include "worker/hub/hub_module.h"

#include <fcntl.h>

#include <hubcell/error.h>

#include "shared/posix/memory.h"
#include "shared/posix/unique_fd.h"
#include "shared/python/exception.h"
#include "shared/python/object.h"

namespace hubcell::worker {

using python::attribute;
using python::call;
using python::make_text;
using python::PyRef;

namespace {

constexpr int kBufferRead = 0x100;  // PyBUF_READ, which the limited API names from 3.11 on

// What makes loaders of the checkout's files: None where there is no archive, which is no failure.
PyRef make_loader(const std::string& folder, const std::string& checkout, const std::string& bytecode) {
  const posix::UniqueFd file(bytecode.empty() ? -1 : ::open(bytecode.c_str(), O_RDONLY | O_CLOEXEC));
  const std::size_t bytes = file ? posix::file_bytes(file.get()) : 0;
  if (bytes == 0) return PyRef::borrow(Py_None);
  // Never unmapped: code is read from it for as long as the worker lives.
  const auto* const archive = new posix::Mapping(posix::Mapping::for_reading(file.get(), bytes));
  const PyRef content = python::checked(PyMemoryView_FromMemory(
      reinterpret_cast<char*>(archive->data()), static_cast<Py_ssize_t>(archive->size()), kBufferRead));
  const PyRef module = python::load_source_file("hubcell_bytecode", folder + "/bytecode.py");
  return call(attribute(module.get(), "use").get(), {make_text(checkout).get(), content.get()});
}

}  // namespace

HubModule::HubModule(const std::string& folder, const std::string& checkout,
                     std::optional<std::uint64_t> seed, const std::string& bytecode)
    : folder_(folder) {
  module_ = python::load_source_file("hubcell_hub", folder + "/hub.py");
  inputs_ = python::load_source_file("hubcell_inputs", folder + "/inputs.py");
  downloads_ = python::load_source_file("hubcell_downloads", folder + "/downloads.py");
  const PyRef seed_object =
      seed ? python::checked(PyLong_FromUnsignedLongLong(*seed)) : PyRef::borrow(Py_None);
  hub_ = call(attribute(module_.get(), "Hub").get(),
              {make_text(checkout).get(), seed_object.get(), make_loader(folder, checkout, bytecode).get()});
}

void HubModule::observe(const std::vector<std::string>& own, const std::string& scratch) {
  const PyRef module = python::load_source_file("hubcell_observer", folder_ + "/observer.py");
  std::vector<std::string> passed_over = own;
  passed_over.push_back(folder_);  // a traceback looks for our own lines
  const PyRef paths = python::checked(PyList_New(0));
  for (const std::string& path : passed_over) {
    if (PyList_Append(paths.get(), make_text(path).get()) != 0) python::throw_current_exception();
  }
  observer_ = call(attribute(module.get(), "Observer").get(), {paths.get(), make_text(scratch).get()});
}

void HubModule::supply(PyRef want_file, PyRef want_repository) const {
  if (observer_) {
    const PyRef watched = attribute(observer_.get(), "watched");
    want_file = call(watched.get(), {make_text("fetch").get(), want_file.get()});
    want_repository = call(watched.get(), {make_text("load").get(), want_repository.get()});
  }
  call(attribute(downloads_.get(), "supply").get(), {want_file.get(), want_repository.get()});
}

PyRef HubModule::list() const {
  return call(attribute(hub_.get(), "list").get());
}

PyRef HubModule::docstring(const std::string& name) const {
  return call(attribute(hub_.get(), "docstring").get(), {make_text(name).get()});
}

PyRef HubModule::dependencies() const {
  return call(attribute(hub_.get(), "dependencies").get());
}

PyRef HubModule::help(const std::string& name) const {
  return call(attribute(hub_.get(), "help").get(), {make_text(name).get()});
}

PyRef HubModule::load(const std::string& entry, PyObject* arguments, PyObject* keywords) const {
  return call(attribute(hub_.get(), "load").get(), {make_text(entry).get(), arguments, keywords});
}

PyRef HubModule::observed() const {
  if (!observer_) throw Error(ErrorCode::Usage, "tell what was observed: nobody asked for it to be noted");
  return call(attribute(observer_.get(), "observed").get());
}

PyRef HubModule::make_inputs(PyObject* seed, PyObject* specs) const {
  return call(attribute(inputs_.get(), "make_inputs").get(), {seed, specs});
}

}  // namespace hubcell::worker

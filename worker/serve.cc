#include "worker/serve.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/channel/worker_channel.h"
#include "shared/posix/memory.h"
#include "shared/python/convert.h"
#include "shared/python/exception.h"
#include "shared/python/object.h"
#include "shared/wire/frame.h"
#include "worker/caller_state.h"
#include "worker/control/control_line.h"
#include "worker/control/supplies.h"
#include "worker/hub/hub_module.h"
#include "worker/objects/object_table.h"
#include "worker/objects/operations.h"
#include "worker/server.h"
#include "worker/stored_files.h"
#include "worker/verbs.h"
#include "worker/weights/weights.h"

namespace hubcell::worker {
namespace {

constexpr int kCompilerNice = 19;
constexpr const char* kServerCapsule = "hubcell.server";

// SIGINT in Python's way: KeyboardInterrupt, but only in a call whose caller gave up on it.
PyObject* on_interrupt(PyObject* capsule, PyObject*) {
  const auto* slot = static_cast<Server* const*>(PyCapsule_GetPointer(capsule, kServerCapsule));
  if (slot == nullptr) return nullptr;
  if (*slot != nullptr && (*slot)->is_cancelled()) {
    PyErr_SetString(PyExc_KeyboardInterrupt, "the caller's deadline has passed");
    return nullptr;
  }
  Py_INCREF(Py_None);
  return Py_None;
}

python::PyRef make_interrupt_handler(Server** slot) {
  static PyMethodDef method{"on_interrupt", on_interrupt, METH_VARARGS, nullptr};
  const python::PyRef capsule =
      python::PyRef::steal(PyCapsule_New(static_cast<void*>(slot), kServerCapsule, nullptr));
  return python::PyRef::steal(PyCFunction_New(&method, capsule.get()));
}

// Python writes through (PYTHONUNBUFFERED); C code's lines must not wait in stdio's buffer either, which a process that
// ends by _exit or a signal takes along.
void redirect_output(const WorkerStart& start) {
  ::dup2(start.output.get(), STDOUT_FILENO);
  ::dup2(start.errors.get(), STDERR_FILENO);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

// What every worker may read: its checkout, the interpreter, what it is granted.
std::vector<std::string> readable_paths(const WorkerStart& start, const PythonSteps& steps) {
  std::vector<std::string> paths = steps.readable_paths();
  paths.push_back(start.order.checkout);
  if (!start.order.grants.empty()) paths.push_back(start.order.grants);
  return paths;
}

std::vector<sandbox::Layer> enter(const WorkerStart& start, const std::vector<int>& kept_descriptors,
                                  const PythonSteps& steps, const sandbox::SeccompProgram& seccomp) {
  sandbox::SandboxPlan plan{.level = static_cast<sandbox::Level>(start.order.permissions.sandbox),
                            .kept_descriptors = kept_descriptors,
                            .parent = start.parent,
                            .memory_bytes = start.order.memory_bytes,
                            .files = {.readable = readable_paths(start, steps),
                                      .executable = {},
                                      .writable = start.order.permissions.write,
                                      .deny_tcp = true,
                                      .scope_ipc = true},
                            .missing = start.missing_layers};
  plan.files.readable.insert(plan.files.readable.end(), start.order.permissions.read.begin(),
                             start.order.permissions.read.end());
  plan.files.writable.insert(plan.files.writable.end(), {start.scratch, "/dev/null"});
  if (plan.level != sandbox::Level::Off)
    plan.scratch = {.folder = start.scratch, .bytes = start.order.permissions.scratch_bytes};
  return sandbox::enter_sandbox(plan, seccomp);
}

// Where foreign code finds its repository.
std::string checkout_seen(const WorkerStart& start) {
  if (!start.order.permissions.writable_checkout) return start.order.checkout;
  return start.scratch + "/checkout/" + std::filesystem::path(start.order.checkout).filename().string();
}

// `is_ready` is set when the supervisor was told so: from then on a worker says nothing to it.
void serve(WorkerStart& start, const PythonSteps& steps, const sandbox::SeccompProgram& seccomp,
           bool& is_ready) {
  Server* server_slot = nullptr;
  const python::PyRef interrupt = make_interrupt_handler(&server_slot);
  redirect_output(start);
  steps.prepare_worker(interrupt.get());
  // Our own files are read before the sandbox is entered, in which they cannot be.
  const std::string checkout = checkout_seen(start);
  HubModule hub(start.folder, checkout, start.order.seed, start.order.bytecode);
  ControlLine line(start.control.get());
  Supplies supplies(line);
  Weights weights(line, start.folder);
  ObjectTable objects;
  const Operations operations(start.folder);
  StoredFiles files(start.scratch);
  const std::vector<int> kept{start.control.get(), start.memory.get()};
  channel::WorkerChannel channel(std::move(start.memory), start.control.get());
  const python::Converter converter(
      {.allocate_block = [&](std::size_t bytes) { return channel.allocate_answer(bytes); },
       .find_shared = [&](std::span<const std::byte> bytes) { return weights.find_equal(bytes); },
       .represent =
           [&](PyObject* object, Handle described) {
             described.id = objects.add(object);
             return described;
           },
       .resolve_handle = [&](const Handle& handle) { return objects.find(handle.id); },
       .store_file = [&](const File& file) { return python::make_text(files.store(file)); }},
      start.folder);
  CallerState caller_state(converter, start.folder);
  Verbs verbs(converter, objects, operations, hub, weights);
  // What we read ourselves was read before.
  if (start.order.observe) hub.observe(readable_paths(start, steps), start.scratch);
  hub.supply(supplies.file_function(), supplies.repository_function());
  const wire::WorkerReady ready{.layers = reports_of(enter(start, kept, steps, seccomp))};
  steps.furnish(start.scratch, start.order.threads);
  if (checkout != start.order.checkout) steps.copy_checkout(start.order.checkout, checkout);
  Server server(channel, objects, verbs, caller_state, weights);
  server_slot = &server;
  wire::send_frame(start.control.get(), 0, ready);
  is_ready = true;
  server.run();
  server_slot = nullptr;
}

// Whatever the source does to the compiler, all that this process can do is to write an archive of that source's commit.
void compile(const WorkerStart& start, const PythonSteps& steps, const sandbox::SeccompProgram& seccomp) {
  redirect_output(start);
  ::setpriority(PRIO_PROCESS, 0, kCompilerNice);  // workers come first
  const python::PyRef module = python::load_source_file("hubcell_bytecode", start.folder + "/bytecode.py");
  enter(start, {start.memory.get()}, steps, seccomp);
  const python::PyRef size = python::checked(PyLong_FromSize_t(posix::file_bytes(start.memory.get())));
  const python::PyRef archive = python::call(python::attribute(module.get(), "compile_checkout").get(),
                                             {python::make_text(start.order.checkout).get(), size.get()});
  char* data = nullptr;
  Py_ssize_t bytes = 0;
  if (PyBytes_AsStringAndSize(archive.get(), &data, &bytes) != 0) python::throw_current_exception();
  const posix::Mapping memory = posix::Mapping::of(start.memory.get(), posix::file_bytes(start.memory.get()));
  if (static_cast<std::size_t>(bytes) > memory.size()) ::_exit(1);
  std::memcpy(memory.data(), data, static_cast<std::size_t>(bytes));
}

}  // namespace

std::vector<wire::LayerReport> reports_of(const std::vector<sandbox::Layer>& layers) {
  std::vector<wire::LayerReport> reports;
  for (const sandbox::Layer& layer : layers) {
    reports.push_back(
        {.name = layer.name, .holds = layer.holds, .detail = layer.detail, .needed = layer.needed});
  }
  return reports;
}

// The process ends by _exit: what foreign code registered to run at the end is not owed anything.
void run_worker(WorkerStart start, const PythonSteps& steps, const sandbox::SeccompProgram& seccomp) {
  bool is_ready = false;
  try {
    if (start.order.compiles) {
      compile(start, steps, seccomp);
    } else {
      serve(start, steps, seccomp, is_ready);
    }
    ::_exit(0);
  } catch (const Error& failure) {
    if (is_ready) {
      log::error(failure.what());
      ::_exit(1);
    }
    wire::send_frame(start.control.get(), 0,
                     wire::WorkerFailed{.worker = start.order.worker, .message = failure.what()});
  }
  ::_exit(1);
}

}  // namespace hubcell::worker

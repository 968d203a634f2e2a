// Recordings of calls: `_hubcell.Recorder`, which writes one, and `_hubcell.Recording`, which reads one and asks its calls again.
#include <hubcell/recording.h>

#include "shared/python/object.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/traffic.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using compare::Recorder;
using compare::Recording;
using python::checked;
using python::PyRef;

namespace {

using Begun = std::shared_ptr<Recorder::Begun>;

// Made once, by the module.
struct RecordingTypes {
  PyRef recorder, begun, recording;
};
RecordingTypes* made_types = nullptr;

PyRef nothing() {
  return PyRef::borrow(Py_None);
}

// ---- writing

std::vector<std::pair<std::string, std::string>> pairs_of(PyObject* dict) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const PyRef items = checked(PyMapping_Items(dict));
  for (Py_ssize_t i = 0; i < PyList_Size(items.get()); ++i) {
    PyObject* item = PyList_GetItem(items.get(), i);
    pairs.emplace_back(python::text_of(PyTuple_GetItem(item, 0)), python::text_of(PyTuple_GetItem(item, 1)));
  }
  return pairs;
}

// (path, bytes_max, calls_max, overwrite, a dict of texts, warn)
PyObject* make_recorder(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *path = nullptr, *description = nullptr, *warn = nullptr;
    unsigned long long bytes = 0, calls = 0;
    int overwrite = 0;
    if (PyArg_ParseTuple(given, "UKKpOO", &path, &bytes, &calls, &overwrite, &description, &warn) == 0)
      throw PythonRaised();
    const std::string name = python::text_of(path);
    compare::RecorderOptions options{.bytes_max = bytes,
                                     .calls_max = calls,
                                     .overwrite = overwrite != 0,
                                     .description = pairs_of(description),
                                     .warn = [callable = python::share(warn)](const std::string& warning) {
                                       const python::WithGil gil;
                                       python::call(callable.get(), {python::make_text(warning).get()});
                                     }};
    return make_native(made_types->recorder.get(),
                       without_gil([&] { return Recorder(name, std::move(options)); }));
  });
}

PyObject* begin(PyObject* self, PyObject* given) {
  return at_border([&] {
    const CallWords words = read_call(given);
    Begun begun = without_gil([&] {
      return content_of<Recorder>(self).begin(words.method, words.arguments, words.keywords, words.state);
    });
    return begun ? make_native(made_types->begun.get(), std::move(begun)) : nothing();
  });
}

// (call, answer, whether it moved a random state)
PyObject* answered(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *call = nullptr, *answer = nullptr;
    int drew = 0;
    if (PyArg_ParseTuple(given, "O!Op", made_types->begun.get(), &call, &answer, &drew) == 0)
      throw PythonRaised();
    const Value value = Runtime::get().to_value(answer);
    without_gil([&] { content_of<Recorder>(self).answered(*content_of<Begun>(call), value, drew != 0); });
    return nothing();
  });
}

// (call, type, message, whether it moved a random state)
PyObject* raised(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *call = nullptr, *type = nullptr, *message = nullptr;
    int drew = 0;
    if (PyArg_ParseTuple(given, "O!UUp", made_types->begun.get(), &call, &type, &message, &drew) == 0)
      throw PythonRaised();
    const compare::CallFailure failure{.type = python::text_of(type), .message = python::text_of(message)};
    without_gil([&] { content_of<Recorder>(self).raised(*content_of<Begun>(call), failure, drew != 0); });
    return nothing();
  });
}

PyObject* skip(PyObject* self, PyObject* why) {
  return at_border([&] {
    const std::string text = python::text_of(why);
    without_gil([&] { content_of<Recorder>(self).skip(text); });
    return nothing();
  });
}

PyObject* counts(PyObject* self, PyObject*) {
  return at_border([&] {
    const compare::RecorderCounts found = content_of<Recorder>(self).counts();
    return Runtime::get().to_python(Dict{{{"calls", found.calls},
                                          {"skipped", found.skipped},
                                          {"bytes", found.bytes},
                                          {"stopped", found.stopped}}});
  });
}

PyObject* close(PyObject* self, PyObject*) {
  return at_border([&] {
    without_gil([&] { content_of<Recorder>(self).close(); });
    return nothing();
  });
}

PyMethodDef recorder_methods[] = {
    {"begin", &begin, METH_VARARGS,
     "begin(method, arguments, keywords, state): a RecorderCall, or None: it is not going to be written"},
    {"answered", &answered, METH_VARARGS, "answered(call, answer, drew): writes it"},
    {"raised", &raised, METH_VARARGS, "raised(call, type, message, drew): writes it"},
    {"skip", &skip, METH_O, "skip(why): counts a call that cannot be written"},
    {"counts", &counts, METH_NOARGS, "counts(): a dict"},
    {"close", &close, METH_NOARGS, "close(): nothing is written afterwards"},
    {nullptr, nullptr, 0, nullptr}};
PyMethodDef begun_methods[] = {{nullptr, nullptr, 0, nullptr}};

// ---- reading

PyObject* open_recording(PyObject*, PyObject* path) {
  return at_border([&] {
    const std::string name = python::text_of(path);
    return make_native(made_types->recording.get(), without_gil([&] { return Recording::open(name); }));
  });
}

PyObject* size(PyObject* self, PyObject*) {
  return at_border([&] { return checked(PyLong_FromSize_t(content_of<Recording>(self).size())); });
}

// (number, method, (arguments, keywords), answer, failure, time, seconds)
PyObject* read_one(PyObject* self, PyObject* index) {
  return at_border([&] {
    const std::size_t place = PyLong_AsSize_t(index);
    if (PyErr_Occurred() != nullptr) throw PythonRaised();
    const compare::RecordedCall call = without_gil([&] { return content_of<Recording>(self).call(place); });
    const PyRef method = python::make_text(call.method),
                words = arguments_to_python(call.arguments, call.keywords),
                answer = Runtime::get().to_python(call.answer), failure = failure_to_python(call.failure);
    return checked(Py_BuildValue("(KOOOOdd)", static_cast<unsigned long long>(call.number), method.get(),
                                 words.get(), answer.get(), failure.get(), call.time, call.seconds));
  });
}

PyObject* description(PyObject* self, PyObject*) {
  return at_border([&] {
    Dict texts;
    for (const auto& [name, text] : content_of<Recording>(self).description())
      texts.items.emplace_back(name, text);
    return Runtime::get().to_python(std::move(texts));
  });
}

PyObject* tail_bytes(PyObject* self, PyObject*) {
  return at_border(
      [&] { return checked(PyLong_FromUnsignedLongLong(content_of<Recording>(self).tail_bytes())); });
}

// (number, method, recorded failure, failure now, (recorded seconds, seconds now), difference or None, equal, within)
PyRef replayed_to_python(const compare::ReplayedCall& call) {
  const PyRef method = python::make_text(call.method), before = failure_to_python(call.failure[0]),
              now = failure_to_python(call.failure[1]),
              difference = optional_to_python(call.difference, &difference_to_python);
  return checked(Py_BuildValue("(KOOO(dd)OOO)", static_cast<unsigned long long>(call.number), method.get(),
                               before.get(), now.get(), call.seconds[0], call.seconds[1], difference.get(),
                               call.equal() ? Py_True : Py_False, call.within() ? Py_True : Py_False));
}

// (model, rtol, atol, calls_max or 0, deadline in seconds or 0) -> (calls, equal, within, failed, max_abs)
PyObject* replay(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject* model = nullptr;
    double rtol = 0, atol = 0, deadline = 0;
    Py_ssize_t calls_max = 0;
    if (PyArg_ParseTuple(given, "O!ddnd", types().remote.get(), &model, &rtol, &atol, &calls_max,
                         &deadline) == 0)
      throw PythonRaised();
    compare::ReplayOptions options{.tolerance = {.rtol = rtol, .atol = atol},
                                   .calls_max = static_cast<std::size_t>(calls_max)};
    options.call.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * deadline));
    const compare::ReplayResult result = without_gil([&] {
      return compare::replay(content_of<Recording>(self), compare::calls_of(content_of<Object>(model)),
                             options);
    });
    const PyRef calls = checked(PyList_New(0));
    for (const compare::ReplayedCall& call : result.calls)
      PyList_Append(calls.get(), replayed_to_python(call).get());
    return checked(Py_BuildValue("(Onnnd)", calls.get(), static_cast<Py_ssize_t>(result.equal),
                                 static_cast<Py_ssize_t>(result.within),
                                 static_cast<Py_ssize_t>(result.failed), result.max_abs));
  });
}

PyMethodDef recording_methods[] = {
    {"size", &size, METH_NOARGS, "size(): how many calls it has"},
    {"call", &read_one, METH_O,
     "call(index): (number, method, (arguments, keywords), answer, failure, time, seconds)"},
    {"description", &description, METH_NOARGS, "description(): a dict of texts"},
    {"tail_bytes", &tail_bytes, METH_NOARGS, "tail_bytes(): behind the last whole call"},
    {"replay", &replay, METH_VARARGS,
     "replay(model, rtol, atol, calls_max, deadline): (calls, equal, within, failed, max_abs)"},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef functions[] = {{"make_recorder", &make_recorder, METH_VARARGS,
                            "make_recorder(path, bytes_max, calls_max, overwrite, description, warn)"},
                           {"open_recording", &open_recording, METH_O, "open_recording(path)"},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_recordings(PyObject* module) {
  made_types = new RecordingTypes{
      .recorder =
          make_native_type<Recorder>("_hubcell.Recorder", "Writes calls into a file.", recorder_methods),
      .begun = make_native_type<Begun>("_hubcell.RecorderCall", "A call that has begun.", begun_methods),
      .recording = make_native_type<Recording>("_hubcell.Recording", "A file of calls.", recording_methods)};
  PyModule_AddFunctions(module, functions);
}

}  // namespace hubcell::python_package

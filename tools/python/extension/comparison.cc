// Comparisons of two models, as `_hubcell.Comparison`.
#include <hubcell/compare.h>
#include <hubcell/report.h>

#include "shared/python/object.h"
#include "tools/compare/numbers/condition.h"
#include "tools/compare/numbers/figures.h"
#include "tools/compare/report/json_report.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using compare::Comparison;
using python::PyRef;

namespace {

// Made once, by add_comparison.
PyObject* comparison_type = nullptr;

compare::Model model_of(PyObject* remote, const std::string& entry, Hub& hub) {
  const Object& object = content_of<Object>(remote);
  const ModelInfo info = object.info();
  const std::string name = info.ref.empty() ? info.repository : info.repository + "@" + info.ref;
  return {
      .side = {.name = name, .label = info.ref, .entry = entry, .info = info, .load_s = info.load_seconds},
      .hub = &hub,
      .object = object};
}

// A list of (name, arguments, keywords, label or None).
std::vector<compare::Input> inputs_of(PyObject* list) {
  std::vector<compare::Input> inputs;
  for (Py_ssize_t i = 0; i < PyList_Size(list); ++i) {
    PyObject *name = nullptr, *positional = nullptr, *keywords = nullptr, *label = nullptr;
    if (PyArg_ParseTuple(PyList_GetItem(list, i), "UOOO", &name, &positional, &keywords, &label) == 0)
      throw PythonRaised();
    compare::Input input{.name = python::text_of(name)};
    Runtime::get().convert_arguments(positional, keywords, input.positional, input.named);
    if (label != Py_None) {
      input.label = PyLong_AsLongLong(label);
      if (PyErr_Occurred() != nullptr) throw PythonRaised();
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

// (method, reset, seed, rtol, atol, confidence, topk, (modules, weights, speed, code), rounds, seconds)
compare::CompareOptions options_of(PyObject* given) {
  PyObject *method = nullptr, *reset = nullptr;
  unsigned long long seed = 0, topk = 0, rounds = 0;
  int modules = 0, weights = 0, speed = 0, code = 0;
  double seconds = 0;
  compare::CompareOptions options;
  if (PyArg_ParseTuple(given, "UUKdddK(pppp)Kd", &method, &reset, &seed, &options.tolerance.rtol,
                       &options.tolerance.atol, &options.confidence, &topk, &modules, &weights, &speed, &code,
                       &rounds, &seconds) == 0)
    throw PythonRaised();
  options.method = python::text_of(method);
  options.reset = python::text_of(reset);
  options.seed = seed;
  options.topk = topk;
  options.parts = {.modules = modules != 0, .weights = weights != 0, .speed = speed != 0, .code = code != 0};
  options.rounds = rounds;
  options.speed_time = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  return options;
}

// (session, (remote, entry), (remote, entry), inputs, options)
PyObject* compare_models(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *session = nullptr, *remote_a = nullptr, *entry_a = nullptr, *remote_b = nullptr,
             *entry_b = nullptr;
    PyObject *inputs = nullptr, *options = nullptr;
    if (PyArg_ParseTuple(given, "O(OU)(OU)OO", &session, &remote_a, &entry_a, &remote_b, &entry_b, &inputs,
                         &options) == 0)
      throw PythonRaised();
    Hub& hub = content_of<Hub>(session);
    compare::Model a = model_of(remote_a, python::text_of(entry_a), hub);
    compare::Model b = model_of(remote_b, python::text_of(entry_b), hub);
    if (a.side.label == b.side.label) {
      a.side.label = "A";
      b.side.label = "B";
    }
    const compare::InputSet set = compare::input_set(inputs_of(inputs));
    const compare::CompareOptions chosen = options_of(options);
    return make_native(comparison_type, without_gil([&] { return compare::compare(a, b, set, chosen); }));
  });
}

PyObject* json(PyObject* self, PyObject*) {
  return at_border([&] {
    return python::make_text(compare::to_json(content_of<Comparison>(self))
                                 .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  });
}

PyObject* html(PyObject* self, PyObject*) {
  return at_border([&] { return python::make_text(compare::to_html(content_of<Comparison>(self))); });
}

PyObject* text(PyObject* self, PyObject* given) {
  return at_border([&] {
    unsigned long long columns = 0;
    int verbose = 0;
    if (PyArg_ParseTuple(given, "Kp", &columns, &verbose) == 0) throw PythonRaised();
    return python::make_text(compare::to_text(
        content_of<Comparison>(self), {.columns = columns, .colours = false, .verbose = verbose != 0}));
  });
}

PyObject* holds(PyObject* self, PyObject* condition) {
  return at_border([&] {
    const compare::Condition parsed = compare::parse_condition(python::text_of(condition));
    return PyRef::borrow(
        compare::holds(parsed, compare::figures_of(content_of<Comparison>(self))) ? Py_True : Py_False);
  });
}

PyMethodDef methods[] = {
    {"json", &json, METH_NOARGS, "json(): all of it, as the command's --json has it"},
    {"html", &html, METH_NOARGS, "html(): a page for a browser"},
    {"text", &text, METH_VARARGS, "text(columns, verbose): a table for a terminal"},
    {"holds", &holds, METH_O, "holds(condition): whether a condition of --fail-if holds"},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef functions[] = {
    {"compare", &compare_models, METH_VARARGS,
     "compare(session, (remote, entry), (remote, entry), [(name, arguments, keywords, label)], options)"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_comparison(PyObject* module) {
  comparison_type =
      make_native_type<Comparison>("_hubcell.Comparison", "What was found out about two models.", methods)
          .release();
  PyModule_AddFunctions(module, functions);
}

}  // namespace hubcell::python_package

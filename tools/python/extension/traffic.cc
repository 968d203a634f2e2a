// Splits and shadows: which side a call goes to, and what a second model answers beside the first. The call of the first one is
// Python's matter, where gradients, options and random states are.
#include "tools/python/extension/traffic.h"

#include "shared/python/object.h"
#include "tools/python/extension/answer.h"
#include "tools/python/extension/native_type.h"
#include "tools/python/extension/types.h"

namespace hubcell::python_package {

using compare::Shadow;
using python::checked;
using python::PyRef;

namespace {

// With the GIL.
struct Routes {
  compare::ShareRule rule;
  std::vector<std::uint64_t> counts;
};
using ShadowCall = std::shared_ptr<Shadow::Begun>;

// Made once, by the module.
struct TrafficTypes {
  PyRef routes, shadow, shadow_call;
};
TrafficTypes* made_types = nullptr;

// ---- splits

PyRef count_side(Routes& routes, std::uint64_t key) {
  const std::size_t side = routes.rule.side_of(key);
  ++routes.counts[side];
  return checked(PyLong_FromSize_t(side));
}

PyObject* side_of(PyObject* self, PyObject* key) {
  return at_border([&] {
    return count_side(content_of<Routes>(self), compare::content_hash(Runtime::get().to_value(key)));
  });
}

PyObject* side_of_call(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *positional = nullptr, *keywords = nullptr;
    if (PyArg_ParseTuple(given, "OO", &positional, &keywords) == 0) throw PythonRaised();
    Arguments arguments;
    Keywords named;
    Runtime::get().convert_arguments(positional, keywords, arguments, named);
    const std::uint64_t key = without_gil([&] { return compare::content_hash(arguments, named); });
    return count_side(content_of<Routes>(self), key);
  });
}

PyObject* counts(PyObject* self, PyObject*) {
  return at_border([&] {
    PyRef list = checked(PyList_New(0));
    for (const std::uint64_t count : content_of<Routes>(self).counts)
      PyList_Append(list.get(), checked(PyLong_FromUnsignedLongLong(count)).get());
    return list;
  });
}

// (labels, weights)
PyObject* make_routes(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *labels = nullptr, *weights = nullptr;
    if (PyArg_ParseTuple(given, "O!O!", &PyTuple_Type, &labels, &PyTuple_Type, &weights) == 0)
      throw PythonRaised();
    std::vector<compare::Share> shares;
    for (Py_ssize_t i = 0; i < PyTuple_Size(labels) && i < PyTuple_Size(weights); ++i) {
      const double weight = PyFloat_AsDouble(PyTuple_GetItem(weights, i));
      if (PyErr_Occurred() != nullptr) throw PythonRaised();
      shares.push_back({.label = python::text_of(PyTuple_GetItem(labels, i)), .weight = weight});
    }
    const std::size_t sides = shares.size();
    return make_native(made_types->routes.get(),
                       Routes{compare::ShareRule(std::move(shares)), std::vector<std::uint64_t>(sides)});
  });
}

PyMethodDef routes_methods[] = {
    {"side_of", &side_of, METH_O, "side_of(key): the index of its side, which counts it"},
    {"side_of_call", &side_of_call, METH_VARARGS,
     "side_of_call(arguments, keywords): the same by their content"},
    {"counts", &counts, METH_NOARGS, "counts(): of each side"},
    {nullptr, nullptr, 0, nullptr}};

// ---- shadows

// What on_difference is given.
void tell_difference(PyObject* callable, const compare::ShadowedCall& call) {
  const python::WithGil gil;
  const Runtime& runtime = Runtime::get();
  const PyRef method = python::make_text(call.method),
              words = arguments_to_python(call.arguments, call.keywords),
              a = runtime.to_python(call.answer[0]), b = runtime.to_python(call.answer[1]),
              failure = failure_to_python(call.failure),
              difference = optional_to_python(call.difference, &difference_to_python);
  const PyRef told = checked(Py_BuildValue("(KOOOOOO(dd))", static_cast<unsigned long long>(call.number),
                                           method.get(), words.get(), a.get(), b.get(), failure.get(),
                                           difference.get(), call.seconds[0], call.seconds[1]));
  python::call(callable, {told.get()});
}

// (b, rtol, atol, in_flight_max, bytes_max, last_max, deadline in seconds, on_difference or None)
PyObject* make_shadow(PyObject*, PyObject* given) {
  return at_border([&] {
    PyObject *b = nullptr, *callback = nullptr;
    double rtol = 0, atol = 0, deadline = 0;
    Py_ssize_t in_flight = 0, last = 0;
    unsigned long long bytes = 0;
    if (PyArg_ParseTuple(given, "O!ddnKndO", types().remote.get(), &b, &rtol, &atol, &in_flight, &bytes,
                         &last, &deadline, &callback) == 0)
      throw PythonRaised();
    const Object& object = content_of<Object>(b);
    compare::ShadowOptions options{
        .tolerance = {.rtol = rtol, .atol = atol},
        .in_flight_max = static_cast<std::size_t>(in_flight),
        .bytes_max = bytes,
        .threads = without_gil([&] { return object.pids().size(); }),
        .last_max = static_cast<std::size_t>(last),
        .deadline = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * deadline))};
    if (callback != Py_None) {
      options.on_difference = [callable = python::share(callback)](const compare::ShadowedCall& call) {
        tell_difference(callable.get(), call);
      };
    }
    return make_native(made_types->shadow.get(), Shadow(compare::calls_of(object), std::move(options)));
  });
}

PyObject* begin_shadow(PyObject* self, PyObject* given) {
  return at_border([&] {
    const CallWords words = read_call(given);
    ShadowCall begun = without_gil([&] {
      return content_of<Shadow>(self).begin(words.method, words.arguments, words.keywords, words.state);
    });
    return begun ? make_native(made_types->shadow_call.get(), std::move(begun)) : PyRef::borrow(Py_None);
  });
}

// (call, answer)
PyObject* shadow_answered(PyObject* self, PyObject* given) {
  return at_border([&] {
    PyObject *call = nullptr, *answer = nullptr;
    if (PyArg_ParseTuple(given, "O!O", made_types->shadow_call.get(), &call, &answer) == 0)
      throw PythonRaised();
    const Value value = Runtime::get().to_value(answer);
    without_gil([&] { content_of<Shadow>(self).answered(*content_of<ShadowCall>(call), value); });
    return PyRef::borrow(Py_None);
  });
}

Value quantiles_value(const compare::Quantiles& quantiles) {
  return Dict{
      {{"count", quantiles.count}, {"p50", quantiles.p50}, {"p90", quantiles.p90}, {"p99", quantiles.p99}}};
}

Value statistics_value(const compare::ShadowStatistics& seen) {
  List last;
  for (const compare::ShadowSummary& summary : seen.last)
    last.items.push_back(Dict{{{"number", summary.number},
                               {"time", summary.time},
                               {"method", summary.method},
                               {"arguments", summary.arguments},
                               {"what", summary.what}}});
  return Dict{{{"calls", seen.calls},
               {"failed_a", seen.failed_a},
               {"dropped", seen.dropped},
               {"skipped", seen.skipped},
               {"compared", seen.compared},
               {"equal", seen.equal},
               {"differing", seen.differing},
               {"failed_b", seen.failed_b},
               {"callback_errors", seen.callback_errors},
               {"in_flight", seen.in_flight},
               {"max_abs", seen.max_abs},
               {"mean_abs", seen.mean_abs},
               {"latency_a", quantiles_value(seen.latency[0])},
               {"latency_b", quantiles_value(seen.latency[1])},
               {"last", std::move(last)}}};
}

PyObject* statistics(PyObject* self, PyObject*) {
  return at_border(
      [&] { return Runtime::get().to_python(statistics_value(content_of<Shadow>(self).statistics())); });
}

PyObject* wait_for_shadow(PyObject* self, PyObject* seconds) {
  return at_border([&] {
    const double number = PyFloat_AsDouble(seconds);
    if (PyErr_Occurred() != nullptr) throw PythonRaised();
    const std::chrono::milliseconds time(static_cast<std::int64_t>(1000 * number));
    const bool is_idle = without_gil([&] { return content_of<Shadow>(self).wait(time); });
    return PyRef::borrow(is_idle ? Py_True : Py_False);
  });
}

PyObject* close_shadow(PyObject* self, PyObject*) {
  return at_border([&] {
    without_gil([&] { content_of<Shadow>(self).close(); });
    return PyRef::borrow(Py_None);
  });
}

PyMethodDef shadow_methods[] = {
    {"begin", &begin_shadow, METH_VARARGS,
     "begin(method, arguments, keywords, state): a ShadowCall, or None: nothing is shadowed any more"},
    {"answered", &shadow_answered, METH_VARARGS, "answered(call, answer): b's turn; once a call"},
    {"statistics", &statistics, METH_NOARGS, "statistics(): a dict"},
    {"wait", &wait_for_shadow, METH_O, "wait(seconds): whether b has answered all"},
    {"close", &close_shadow, METH_NOARGS, "close(): b is asked nothing more"},
    {nullptr, nullptr, 0, nullptr}};
PyMethodDef shadow_call_methods[] = {{nullptr, nullptr, 0, nullptr}};

PyMethodDef functions[] = {
    {"make_routes", &make_routes, METH_VARARGS,
     "make_routes(labels, weights): what chooses sides by their shares"},
    {"make_shadow", &make_shadow, METH_VARARGS,
     "make_shadow(b, rtol, atol, in_flight_max, bytes_max, last_max, deadline, on_difference)"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_traffic(PyObject* module) {
  made_types = new TrafficTypes{
      .routes = make_native_type<Routes>("_hubcell.Routes", "Chooses sides, and counts.", routes_methods),
      .shadow = make_native_type<Shadow>("_hubcell.Shadow", "Asks a second model.", shadow_methods),
      .shadow_call = make_native_type<ShadowCall>(
          "_hubcell.ShadowCall", "A call that the first model is answering.", shadow_call_methods)};
  PyModule_AddFunctions(module, functions);
}

}  // namespace hubcell::python_package
